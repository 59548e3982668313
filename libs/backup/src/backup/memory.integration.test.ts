import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

/** What a process that does nothing else says of its memory. */
async function measure(...task: string[]): Promise<Record<string, number>> {
  const script = join(import.meta.dirname, 'memory.fixture.ts');
  // As in the image of an app.
  const NODE_OPTIONS = '--max-semi-space-size=1 --max-old-space-size=80';
  const env = { ...process.env, MALLOC_ARENA_MAX: '1', NODE_OPTIONS };
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...task], { env });
  return JSON.parse(stdout) as Record<string, number>;
}

describe.concurrent('memory', () => {
  it('does not grow with the backup that is written', async () => {
    const [small, large] = [await measure('write', '40000'), await measure('write', '160000')];
    expect(large.bytes).toBeGreaterThan(60 * 1024 ** 2);
    expect(large.peakMib).toBeLessThan(150);
    expect(large.peakMib! - small.peakMib!).toBeLessThan(16);
  });

  it('is that of the size in the manifest for a part that inflates to a thousand times of it', async () => {
    const { storedBytes, grownMib, ...refusal } = await measure('inflate');
    expect(refusal).toMatchObject({ reason: 'PartNotReadable', part: 'monday/emails/part-00001' });
    expect(storedBytes).toBeLessThan(1024 ** 2);
    expect(grownMib).toBeLessThan(24);
  });
});
