import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';

/** What a process that does nothing else says of its memory. */
async function measure(...task: string[]): Promise<Record<string, number>> {
  return run('memory.fixture.ts', task);
}

async function run(fixture: string, task: readonly string[]): Promise<Record<string, number>> {
  const script = join(import.meta.dirname, fixture);
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

  it('does not grow with the points of a chain that is read', async () => {
    const [jobs, changed] = [5_000, 100];
    const read = async (points: number): Promise<Record<string, number>> => {
      const root = temporaryFolder('long-chain');
      await run('chain-memory.fixture.ts', ['write', root, ...[points, jobs, changed].map(String)]);
      return run('chain-memory.fixture.ts', ['read', root, String(points)]);
    };
    const [short, long] = [await read(2), await read(40)];
    expect([short.jobs, long.jobs]).toEqual([jobs, jobs]);
    expect(long.steps! - short.steps!).toBeGreaterThan(30);
    expect(long.peakMib).toBeLessThan(150);
    expect(long.peakMib! - short.peakMib!).toBeLessThan(16);
  });

  it('is that of the size in the manifest for a part that inflates to a thousand times of it', async () => {
    const { storedBytes, grownMib, ...refusal } = await measure('inflate');
    expect(refusal).toMatchObject({ reason: 'PartNotReadable', part: 'monday/emails/part-00001' });
    expect(storedBytes).toBeLessThan(1024 ** 2);
    expect(grownMib).toBeLessThan(24);
  });
});
