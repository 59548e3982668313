import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../backup/memory-storage.fixture.ts';
import { openBackup } from '../backup/open-backup.ts';
import { SIGNAL } from '../backup/sample-backup.fixture.ts';
import { readAll, settled } from '../backup/sample-chain.fixture.ts';
import { secretKeys } from '../encryption/secret-keys.ts';
import { GOLDEN_KEY, goldenChainRecords, goldenRecords } from './golden.fixture.ts';

/** The files of a backup that an earlier release wrote. */
function storageOf(name: string): MemoryStorage {
  const files = readdirSync(join(import.meta.dirname, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new MemoryStorage(files.map((file) => [relative(import.meta.dirname, file), readFileSync(file)]));
}

describe('a backup of format version 1 that was written on 2026-11-29', () => {
  it.each([
    ['encrypted', secretKeys(GOLDEN_KEY)],
    ['plain', undefined],
  ])('is still read (%s)', async (name, key) => {
    const backup = await openBackup(storageOf(name), name, { ...(key && { key }), signal: SIGNAL });
    const records = backup.manifest.queues.map((queue) => readAll(backup, queue.name));
    expect((await Promise.all(records)).flat()).toEqual(goldenRecords());
  });
});

describe('a chain of format version 2 that was written on 2026-11-29', () => {
  it.each([
    ['encrypted-chain', secretKeys(GOLDEN_KEY)],
    ['plain-chain', undefined],
  ])('is still read (%s)', async (name, key) => {
    const backup = await openBackup(storageOf(name), `${name}/000002-a`, { ...(key && { key }), signal: SIGNAL });
    const records = await Promise.all(backup.manifest.queues.map((queue) => readAll(backup, queue.name)));
    expect(settled(records.flat())).toEqual(settled(goldenChainRecords()));
    expect(await backup.verify()).toMatchObject({ points: 3 });
  });
});
