import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PYTHON, pythonPackages, temporaryFolder, workspaceRoot } from '@redis-queue/rig';
import { beforeAll, describe, expect, it } from 'vitest';
import { settled } from '../backup/sample-chain.fixture.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { GOLDEN_KEY, goldenChainRecords, goldenRecords } from './golden.fixture.ts';

const page = readFileSync(join(workspaceRoot, 'docs/backup-format.md'), 'utf8');

/** Runs the reader that the page shows, on a backup that is in the repository. */
async function readByThePage(directory: string, ...key: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(PYTHON, [program, directory, ...key], { env: { PYTHONPATH: packages } });
  return stdout;
}

let program: string;
let packages: string;
beforeAll(async () => {
  packages = await pythonPackages(join(import.meta.dirname, 'requirements.txt'));
  program = join(temporaryFolder('backup-reader'), 'read_backup.py');
  writeFileSync(program, /```python\n(.*?)```/s.exec(page)![1]!);
});

describe.concurrent('the reader in docs/backup-format.md', () => {
  it.each([
    ['encrypted', [GOLDEN_KEY]],
    ['plain', []],
  ])('reads the backup %s', async (name, key) => {
    const output = await readByThePage(join(import.meta.dirname, name), ...key);
    const lines = output.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(goldenRecords());
  });

  it.each([
    ['encrypted-chain', [GOLDEN_KEY]],
    ['plain-chain', []],
  ])('reads the increments in %s with what they continue', async (name, key) => {
    const output = await readByThePage(join(import.meta.dirname, name, '000002-a'), ...key);
    const records = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonRecord);
    expect(settled(records)).toEqual(settled(goldenChainRecords()));
  });

  it('refuses a chain of which a point was replaced', async () => {
    const copy = join(temporaryFolder('backup-chain'), 'chain');
    cpSync(join(import.meta.dirname, 'plain-chain'), copy, { recursive: true });
    cpSync(join(copy, '000000-a/manifest.json'), join(copy, '000001-a/manifest.json'));
    await expect(readByThePage(join(copy, '000002-a'))).rejects.toThrow('is not the one that was named');
  });

  it('refuses another key', async () => {
    const other = Buffer.alloc(32, 1).toString('base64');
    await expect(readByThePage(join(import.meta.dirname, 'encrypted'), other)).rejects.toThrow('InvalidTag');
  });
});
