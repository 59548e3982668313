import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect } from '../backup/collect.fixture.ts';
import { MemoryStorage } from '../backup/memory-storage.fixture.ts';
import { openBackup } from '../backup/open-backup.ts';
import { SIGNAL } from '../backup/sample-backup.fixture.ts';
import { secretKeys } from '../encryption/secret-keys.ts';
import { GOLDEN_KEY, goldenRecords } from './golden.fixture.ts';

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
    const records = backup.manifest.queues.map((queue) => collect(backup.records(queue.name)));
    expect((await Promise.all(records)).flat(2)).toEqual(goldenRecords());
  });
});
