import { describe, expect, it } from 'vitest';
import { hasTooManyValues, MAX_MANIFEST_BYTES, MAX_PARTS } from '../manifest/manifest-limits.ts';
import { parseManifest } from '../manifest/manifest-text.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { StorageError } from '../storage/storage.ts';
import { collect } from './collect.fixture.ts';
import { BackupWriter, type BackupOptions } from './backup-writer.ts';
import { listBackups } from './list-backups.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import { removeBackup } from './remove-backup.ts';
import { readAll } from './sample-chain.fixture.ts';
import { jobs, keyNamed, SIGNAL, writeSample } from './sample-backup.fixture.ts';

const MIB = 1_048_576;

function create(storage: MemoryStorage, options: Partial<BackupOptions> = {}): Promise<BackupWriter> {
  const createdAt = new Date('2026-11-29T10:00:00Z');
  const fixed = { directory: 'shop/monday', backupId: 'm', createdAt, about: {}, signal: SIGNAL, partBytes: 1_024 };
  return BackupWriter.create(storage, { ...fixed, ...options });
}

async function allOf(storage: MemoryStorage, queue: string, fromStep?: number): Promise<JsonRecord[]> {
  const backup = await openBackup(storage, 'shop/monday', { signal: SIGNAL });
  return readAll(backup, queue, fromStep);
}

describe('a backup', () => {
  it('is read as it was written, whichever names its queues have', async () => {
    const storage = new MemoryStorage();
    const writer = await create(storage, { key: keyNamed('a') });
    const names = [
      'emails',
      'Emails',
      'emails_dlq',
      'a/../b',
      '..',
      'manifest.json',
      '__proto__',
      '日本',
      'x'.repeat(257),
    ];
    for (const name of names) {
      const queue = writer.queue(name);
      await queue.write(jobs(name, 20));
      await queue.close({ counts: { waiting: 20 }, at: new Date(0), nothing: undefined });
    }
    const { manifest, sha256 } = await writer.finish();
    const options = { key: keyNamed('a'), manifestSha256: sha256, signal: SIGNAL };
    const backup = await openBackup(storage, 'shop/monday', options);
    expect(backup.manifest).toEqual(manifest);
    expect(backup.manifest.queues[0]!.about).toEqual({ counts: { waiting: 20 }, at: '1970-01-01T00:00:00.000Z' });
    for (const name of names) expect(await readAll(backup, name)).toEqual(jobs(name, 20));
    expect([...storage.objects.keys()].filter((path) => !path.startsWith('shop/monday/'))).toEqual([]);
  });

  it('has parts of a bounded size, and a record that is longer alone in one', async () => {
    const storage = new MemoryStorage();
    const writer = await create(storage);
    const queue = writer.queue('emails');
    const records = [...jobs('a', 10), { kind: 'job', data: 'ü'.repeat(2_000) }, ...jobs('b', 10)];
    for (const record of records) await queue.write([record]);
    const summary = await queue.close();
    const { manifest } = await writer.finish();
    const [{ parts, ...entry }] = manifest.queues as [(typeof manifest.queues)[0]];
    expect(parts.filter(({ bytes }) => bytes > 1_024)).toMatchObject([{ records: 1 }]);
    expect(summary).toEqual({
      parts: parts.length,
      records: records.length,
      bytes: Buffer.byteLength(records.map((record) => `${JSON.stringify(record)}\n`).join('')),
      storedBytes: entry.storedBytes,
      sha256: entry.sha256,
    });
    expect(await allOf(storage, 'emails')).toEqual(records);
    expect(await allOf(storage, 'emails', 2)).toEqual(records.slice(parts[0]!.records));
  });

  it('has nothing of a queue that was taken out of it, which may be written again', async () => {
    const storage = new MemoryStorage();
    const writer = await create(storage);
    const whole = writer.queue('emails');
    await whole.write(jobs('emails', 20));
    await whole.close();
    for (const name of ['bills', 'again']) {
      const half = writer.queue(name);
      await half.write(jobs(name, 50));
      await writer.discard(half);
    }
    const again = writer.queue('again');
    await again.write(jobs('other', 3));
    await again.close();
    const { manifest } = await writer.finish({ leftOut: ['bills'] });
    expect(manifest.about).toEqual({ leftOut: ['bills'] });
    const backup = await openBackup(storage, 'shop/monday', { signal: SIGNAL });
    expect(await backup.verify()).toMatchObject({ records: 23 });
    expect(await readAll(backup, 'again')).toEqual(jobs('other', 3));
    expect([...storage.objects.keys()].filter((path) => path.includes('/bills/'))).toEqual([]);
    const late = await create(new MemoryStorage());
    const queue = late.queue('emails');
    await queue.write(jobs('emails', 50));
    const discarded = late.discard(queue, () => {
      throw new Error('not leading');
    });
    await expect(discarded).rejects.toThrow('not leading');
  });

  it('may have no queue, and queues without a record', async () => {
    const storage = new MemoryStorage();
    const writer = await create(storage);
    await writer.queue('empty').close();
    await writer.finish();
    expect(await allOf(storage, 'empty')).toEqual([]);
    await (await create(storage, { directory: 'shop/tuesday' })).finish();
    expect((await openBackup(storage, 'shop/tuesday', { signal: SIGNAL })).manifest.queues).toEqual([]);
  });

  it('does not exist before its manifest does, which comes last', async () => {
    const storage = new MemoryStorage();
    const paths: string[] = [];
    storage.beforePut = async (path) => void paths.push(path);
    const writer = await create(storage);
    const queue = writer.queue('emails');
    await queue.write(jobs('emails', 50));
    await expect(writer.finish()).rejects.toThrow('queue emails of the backup is not closed');
    await queue.close();
    await expect(openBackup(storage, 'shop/monday', { signal: SIGNAL })).rejects.toMatchObject({
      reason: 'ManifestMissing',
    });
    await writer.finish();
    expect(paths.at(-1)).toBe('shop/monday/manifest.json');
    expect(paths.length).toBeGreaterThan(3);
  });

  it('is never written over another, or beside what is left of one', async () => {
    const storage = new MemoryStorage();
    await writeSample(storage, 'shop/monday', { backupId: 'm' });
    await expect(create(storage)).rejects.toMatchObject({ name: 'DirectoryNotEmptyError' });
    await removeBackup(storage, 'shop/monday', { signal: SIGNAL });
    await create(storage);
  });

  it('has a manifest that its own reader takes, and an id and names that it takes', async () => {
    const storage = new MemoryStorage();
    await writeSample(storage, 'shop/monday', { key: keyNamed('a'), backupId: 'm' });
    expect(() => parseManifest(storage.object('shop/monday/manifest.json').toString(), 'path')).not.toThrow();
    await expect(create(storage, { directory: 'other', backupId: 'a b' })).rejects.toThrow('the id of a backup');
    const writer = await create(storage, { directory: 'other' });
    expect(() => writer.queue('')).toThrow('has a name');
    expect(() => writer.queue('\ud800')).toThrow('in Unicode');
    writer.queue('emails');
    expect(() => writer.queue('emails')).toThrow('in the backup already');
  });

  it('refuses a record that no part can hold, by its name', async () => {
    const queue = (await create(new MemoryStorage())).queue('emails');
    for (const data of ['x'.repeat(16 * MIB), '\u0001'.repeat(3 * MIB), Array.from({ length: 800_000 }, () => '')]) {
      const record = { kind: 'job', id: '7', data };
      await expect(queue.write([record])).rejects.toThrow(
        'queue emails: the record of job 7 has more than 16 MiB or 800000 values',
      );
    }
  });
});

describe('a backup that is too large', () => {
  it('fails at the first part that is too many, with the way out', async () => {
    const writer = await create(new MemoryStorage(), { maxParts: 2 });
    const queue = writer.queue('emails');
    await expect(queue.write(jobs('emails', 100))).rejects.toThrow('2 parts (0 GiB of JSON) at most; make several');
  });

  it('has two hundred queues at most', async () => {
    const writer = await create(new MemoryStorage());
    for (let name = 0; name < 200; name += 1) writer.queue(String(name));
    expect(() => writer.queue('one-more')).toThrow('200 queues at most; make several');
  });

  it('fails before its manifest is written when that is longer than readers take', async () => {
    const storage = new MemoryStorage();
    const writer = await create(storage, { about: { text: 'x'.repeat(4 * 1024 * 1024) } });
    await expect(writer.finish()).rejects.toMatchObject({ reason: 'BackupTooLarge' });
    expect(storage.objects.size).toBe(0);
  });

  it('has room in its manifest for as many parts as it may have', () => {
    const part = { bytes: 2_097_152, records: 10_000, sha256: 'f'.repeat(64), storedBytes: 2_097_152 };
    expect((JSON.stringify(part).length + 1) * MAX_PARTS).toBeLessThan(MAX_MANIFEST_BYTES * 0.8);
    const text = Buffer.from(JSON.stringify(Array.from({ length: 1_000 }, () => part)));
    expect(hasTooManyValues(text)).toBe(false);
    expect(hasTooManyValues(Buffer.from('[],'.repeat(10_000)))).toBe(true);
  });
});

describe('the writer of a backup', () => {
  it('has two parts on their way at most, over all queues', async () => {
    const storage = new MemoryStorage();
    let [now, most] = [0, 0];
    storage.beforePut = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
    };
    const writer = await create(storage);
    const write = async (name: string): Promise<void> => {
      const queue = writer.queue(name);
      for (const record of jobs(name, 100)) await queue.write([record]);
      await queue.close();
    };
    await Promise.all(['a', 'b', 'c'].map(write));
    await writer.finish();
    expect(most).toBe(2);
    for (const name of ['a', 'b', 'c']) expect(await allOf(storage, name)).toEqual(jobs(name, 100));
  });

  it('tells every later call what a part failed with, and writes no manifest', async () => {
    const storage = new MemoryStorage();
    const full = new StorageError('StorageFull', 'memory is full', { retryable: false });
    storage.beforePut = (path) => (path.endsWith('part-00003') ? Promise.reject(full) : Promise.resolve());
    const writer = await create(storage);
    const queue = writer.queue('emails');
    const write = async (): Promise<void> => {
      for (let round = 0; round < 100; round += 1) await queue.write(jobs('emails', 10));
    };
    await expect(write()).rejects.toBe(full);
    await expect(queue.close()).rejects.toBe(full);
    await expect(writer.finish()).rejects.toBe(full);
    expect(storage.objects.has('shop/monday/manifest.json')).toBe(false);
  });

  it('ends when it is aborted, and nothing lands after that', async () => {
    const storage = new MemoryStorage();
    storage.beforePut = (_, signal) =>
      new Promise((__, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    const writer = await create(storage);
    const queue = writer.queue('emails');
    const writing = queue.write(jobs('emails', 100));
    await Promise.all([expect(writing).rejects.toThrow('The backup was aborted'), writer.abort()]);
    await expect(queue.close()).rejects.toThrow('The backup was aborted');
    expect(storage.objects.size).toBe(0);
  });

  it('ends when it is aborted while its manifest is on its way', async () => {
    const storage = new MemoryStorage();
    const writer = await create(storage);
    storage.beforePut = (_, signal) =>
      new Promise((__, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    const finishing = writer.finish();
    await Promise.all([expect(finishing).rejects.toThrow('The backup was aborted'), writer.abort()]);
    expect(storage.objects.size).toBe(0);
  });

  it('ends with the signal that it was given', async () => {
    const controller = new AbortController();
    const writer = await create(new MemoryStorage(), { signal: controller.signal });
    const queue = writer.queue('emails');
    await queue.write(jobs('emails', 100));
    controller.abort(new Error('no longer the leader'));
    await expect(queue.write(jobs('emails', 100))).rejects.toThrow('no longer the leader');
    await expect(writer.finish()).rejects.toThrow('no longer the leader');
  });
});

describe('backups of a directory', () => {
  it('are listed with what their manifests say, also those that cannot be read', async () => {
    const storage = new MemoryStorage();
    await writeSample(storage, 'shop/monday', { key: keyNamed('a'), backupId: 'm' });
    await writeSample(storage, 'shop/tuesday', { backupId: 't' });
    storage.objects.set('shop/wednesday/manifest.json', Buffer.from('{}'));
    storage.objects.set('bank/monday/manifest.json', Buffer.from('{}'));
    const listed = await collect(listBackups(storage, 'shop', { signal: SIGNAL }));
    expect(listed).toMatchObject([
      { directory: 'shop/monday', found: { backupId: 'm' } },
      { directory: 'shop/tuesday', found: { backupId: 't' } },
      { directory: 'shop/wednesday', found: { reason: 'ManifestDamaged' } },
    ]);
  });

  it('are removed one at a time, the manifest first', async () => {
    const storage = new MemoryStorage();
    await writeSample(storage, 'shop/monday', { backupId: 'm' });
    await writeSample(storage, 'shop/monday-2', { backupId: 'm2' });
    const removed: string[] = [];
    const remove = storage.remove.bind(storage);
    storage.remove = async (path) => {
      removed.push(path);
      await remove(path);
    };
    await removeBackup(storage, 'shop/monday', { signal: SIGNAL });
    expect(removed[0]).toBe('shop/monday/manifest.json');
    expect([...storage.objects.keys()].some((path) => path.startsWith('shop/monday/'))).toBe(false);
    await expect(openBackup(storage, 'shop/monday-2', { signal: SIGNAL })).resolves.toBeDefined();
    await removeBackup(storage, 'shop/monday', { signal: SIGNAL });
  });
});
