import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryFolder } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { GOLDEN_KEY, goldenRecords } from '../golden/golden.fixture.ts';

const STORAGE = pathToFileURL(join(import.meta.dirname, '../golden')).href;

/** Runs the command as a user does. */
function run(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(import.meta.dirname, 'main.ts'), ...argv], (_, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe.concurrent('redis-queue-backup on a volume', () => {
  it('reads a backup with the key in a file', async () => {
    const keyFile = join(temporaryFolder('backup-key'), 'key');
    writeFileSync(keyFile, `${GOLDEN_KEY}\n`);
    const { status, stdout, stderr } = await run('export', STORAGE, 'encrypted', '--key-file', keyFile);
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(goldenRecords());
  });

  it('lists what is there', async () => {
    const { status, stdout } = await run('list', STORAGE);
    const points = ['000000-a', '000001-a', '000002-a'];
    const chains = ['encrypted-chain', 'plain-chain'].flatMap((chain) => points.map((point) => `${chain}/${point}`));
    const directories = stdout.match(/(?<= )(?:encrypted|plain)\S*$/gm)?.toSorted();
    expect([status, directories]).toEqual([0, ['encrypted', 'plain', ...chains].toSorted()]);
  });

  it('says in one line what is wrong, and ends with the status for it', async () => {
    expect(await run('verify', STORAGE, 'encrypted')).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringMatching(/^✘ encrypted\/manifest\.json is of a backup that is encrypted.*\n$/) as string,
    });
    expect(await run('verify', 'file:///nowhere/at/all', 'x')).toMatchObject({ status: 4, stdout: '' });
    expect(await run('verify', 'nowhere', 'x')).toMatchObject({ status: 2, stdout: '' });
  });
});
