import { describe, expect, it } from 'vitest';
import { BackupDamagedError, type DamageReason } from '../errors/backup-damaged-error.ts';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import { BackupVersionError } from '../errors/backup-version-error.ts';
import { canonicalJson } from '../manifest/canonical-json.ts';
import { sha256Of } from '../manifest/manifest-text.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import type { OpenOptions } from './read-chain.ts';
import { keyNamed, SAMPLE_QUEUES, SIGNAL, writeSample } from './sample-backup.fixture.ts';

type Refusal = BackupDamagedError | BackupKeyError | BackupVersionError;

/** What a reader gets of a backup before it is refused. */
interface Reading {
  readonly given: readonly JsonRecord[];
  readonly error: Refusal | undefined;
}

async function read(storage: MemoryStorage, options: Partial<OpenOptions>): Promise<Reading> {
  const given: JsonRecord[] = [];
  try {
    const backup = await openBackup(storage, 'monday', { signal: SIGNAL, ...options });
    for (const { name } of backup.manifest.queues)
      for await (const { records } of backup.records(name)) given.push(...records);
    return { given, error: undefined };
  } catch (error) {
    const expected = [BackupDamagedError, BackupKeyError, BackupVersionError].some((each) => error instanceof each);
    if (!expected) throw error;
    return { given, error: error as Refusal };
  }
}

function flipped(bytes: Buffer, at: number, mask = 0x01): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= mask;
  return copy;
}

const MANIFEST = 'monday/manifest.json';
const PART_1 = 'monday/emails/part-00001';
const PART_2 = 'monday/emails/part-00002';
const ALL = [...SAMPLE_QUEUES.emails, ...SAMPLE_QUEUES.orders];

describe.each([
  { title: 'encrypted', key: keyNamed('a') },
  { title: 'not encrypted', key: undefined },
])('a backup that is $title', async ({ key }) => {
  const options = { ...(key && { key }) };
  const whole = new MemoryStorage();
  const { manifest, sha256 } = await writeSample(whole, 'monday', options);
  const reversed = { ...SAMPLE_QUEUES, emails: SAMPLE_QUEUES.emails.toReversed() };
  await writeSample(whole, 'tuesday', { ...options, queues: reversed });
  // The same queue a day before, by the same name and id: all that a copy of an old directory has.
  const older = new MemoryStorage();
  await writeSample(older, 'monday', { ...options, queues: reversed });

  const recordsInPart1 = manifest.queues[0]!.parts[0]!.records;

  /** Reads a copy that was changed. */
  async function refusalOf(change: (storage: MemoryStorage) => unknown) {
    const storage = whole.copy();
    change(storage);
    const { given, error } = await read(storage, options);
    expect(given).toEqual(ALL.slice(0, given.length));
    const { reason, part } = error as BackupDamagedError;
    expect(error!.message).toContain(part);
    return { reason, part, given: given.length };
  }

  it('is read as it was written', async () => {
    expect(manifest.queues[0]!.parts.length).toBeGreaterThan(2);
    expect(await read(whole, { ...options, manifestSha256: sha256 })).toEqual({ given: ALL, error: undefined });
  });

  it('is refused for any byte of a part that changed, after the parts before it', async () => {
    const stored = whole.object(PART_2);
    for (const at of stored.keys()) {
      const flip = (storage: MemoryStorage): unknown => storage.objects.set(PART_2, flipped(stored, at, 1 << (at % 8)));
      expect(await refusalOf(flip)).toEqual({ reason: 'PartHashDiffers', part: PART_2, given: recordsInPart1 });
    }
  });

  it('is refused for any byte of the manifest that changed, with nothing given out', async () => {
    const stored = whole.object(MANIFEST);
    for (const at of stored.keys()) {
      const storage = whole.copy();
      storage.objects.set(MANIFEST, flipped(stored, at, 1 << (at % 8)));
      const { given, error } = await read(storage, options);
      expect(error?.reason, `byte ${at}`).toBeDefined();
      expect(given).toEqual([]);
      expect(error!.message).toContain(MANIFEST);
    }
  });

  it.each<[string, (storage: MemoryStorage) => unknown, DamageReason, string]>([
    ['a part is missing', (storage) => storage.objects.delete(PART_2), 'PartMissing', PART_2],
    [
      'a part was added',
      (storage) => storage.objects.set('monday/emails/part-00099', storage.object(PART_1)),
      'PartUnexpected',
      'monday/emails/part-00099',
    ],
    [
      'a part of a queue that is not in it was added',
      (storage) => storage.objects.set('monday/others/part-00001', storage.object(PART_1)),
      'PartUnexpected',
      'monday/others/part-00001',
    ],
    ['a part is empty', (storage) => storage.objects.set(PART_2, Buffer.alloc(0)), 'PartSizeDiffers', PART_2],
    [
      'a part is cut off',
      (storage) => storage.objects.set(PART_2, storage.object(PART_2).subarray(0, -1)),
      'PartSizeDiffers',
      PART_2,
    ],
    [
      'a part is longer',
      (storage) => storage.objects.set(PART_2, Buffer.concat([storage.object(PART_2), Buffer.alloc(1)])),
      'PartSizeDiffers',
      PART_2,
    ],
    ['there is no manifest', (storage) => storage.objects.delete(MANIFEST), 'ManifestMissing', MANIFEST],
    ['the manifest is empty', (storage) => storage.objects.set(MANIFEST, Buffer.alloc(0)), 'ManifestDamaged', MANIFEST],
    [
      'the manifest is cut off',
      (storage) => storage.objects.set(MANIFEST, storage.object(MANIFEST).subarray(0, -1)),
      'ManifestDamaged',
      MANIFEST,
    ],
    [
      'the manifest is nothing but brackets',
      (storage) => storage.objects.set(MANIFEST, Buffer.from(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)),
      'ManifestDamaged',
      MANIFEST,
    ],
    [
      'the manifest is longer than any',
      (storage) => storage.objects.set(MANIFEST, Buffer.alloc(5 * 1024 * 1024, ' ')),
      'ManifestDamaged',
      MANIFEST,
    ],
    [
      'the manifest has a space more',
      (storage) => storage.objects.set(MANIFEST, Buffer.concat([storage.object(MANIFEST), Buffer.from(' ')])),
      'ManifestDamaged',
      MANIFEST,
    ],
  ])('is refused before any record when %s', async (_, change, reason, part) => {
    expect(await refusalOf(change)).toEqual({ reason, part, given: 0 });
  });

  it('is refused when parts of one queue were swapped', async () => {
    const [one, two] = [whole.object(PART_1), whole.object(PART_2)];
    const swap = (storage: MemoryStorage): unknown => storage.objects.set(PART_1, two).set(PART_2, one);
    const reason = expect.stringMatching(/^Part(Size|Hash)Differs$/) as string;
    const part = expect.stringMatching(/^monday\/emails\/part-0000[12]$/) as string;
    expect(await refusalOf(swap)).toEqual({ reason, part, given: 0 });
  });

  it.each([
    ['another queue of it', () => whole.object('monday/orders/part-00002')],
    ['another backup', () => whole.object('tuesday/emails/part-00002')],
    ['an older backup of the same queue', () => older.object(PART_2)],
  ])('is refused when a part is from %s', async (_, other) => {
    const sameSize = other().length === whole.object(PART_2).length;
    const replace = (storage: MemoryStorage): unknown => storage.objects.set(PART_2, other());
    const reason = sameSize ? 'PartHashDiffers' : 'PartSizeDiffers';
    expect(await refusalOf(replace)).toEqual({ reason, part: PART_2, given: sameSize ? recordsInPart1 : 0 });
  });

  it('is refused with the manifest of another backup', async () => {
    const storage = whole.copy();
    storage.objects.set(MANIFEST, older.object(MANIFEST));
    const { given, error } = await read(storage, options);
    expect(error).toBeInstanceOf(BackupDamagedError);
    expect((error as BackupDamagedError).part).toMatch(/^monday\/emails\/part-0000\d$/);
    expect(given).toEqual([]);
  });

  it('is known from an older or another backup in its place by the hash of its manifest', async () => {
    const { given, error } = await read(older, { ...options, manifestSha256: sha256 });
    expect(error).toMatchObject({ reason: 'ManifestUnexpected', part: MANIFEST });
    expect(given).toEqual([]);
  });

  it.each<[string, (manifest: Manifest) => unknown]>([
    ['a record fewer', ({ queues }) => (queues[0]!.parts[0]!.records -= 1)],
    ['a byte more', ({ queues }) => (queues[0]!.parts[0]!.bytes += 1)],
    ['a part fewer', ({ queues }) => queues[0]!.parts.pop()],
    ['a queue fewer', ({ queues }) => queues.pop()],
    ['a queue of another name', ({ queues }) => (queues[0]!.name = 'invoices')],
    ['another hash', ({ queues }) => (queues[0]!.parts[0]!.sha256 = 'f'.repeat(64))],
    ['another id', (forged) => (forged.backupId = 'tuesday')],
    ['a directory elsewhere', ({ queues }) => (queues[0]!.directory = '../tuesday/emails')],
    ['a part of 2 GiB', ({ queues }) => (queues[0]!.parts[0]!.bytes = 2 ** 31)],
    ['words of its own', (forged) => (forged.about = { namespace: 'bank' })],
  ])('is refused with %s in a manifest that nobody authenticated', async (_, change) => {
    const storage = whole.copy();
    const forged = structuredClone(manifest);
    change(forged);
    storage.objects.set(MANIFEST, Buffer.from(canonicalJson(forged)));
    const { given, error } = await read(storage, options);
    expect(error!.message).toContain(MANIFEST);
    expect(given).toEqual([]);
  });

  it('is refused when it is of a version that nobody knows yet', async () => {
    const storage = whole.copy();
    storage.objects.set(MANIFEST, Buffer.from(canonicalJson({ ...manifest, formatVersion: 3, parent: 'ab' })));
    const { given, error } = await read(storage, options);
    expect(error).toBeInstanceOf(BackupVersionError);
    expect(error!.message).toContain('the formatVersion 3, and this release reads 1 and 2');
    expect(given).toEqual([]);
  });
});

describe('a backup that is encrypted', async () => {
  const key = keyNamed('a');
  const whole = new MemoryStorage();
  const { manifest } = await writeSample(whole, 'monday', { key });

  it.each<[string, Partial<OpenOptions>, string]>([
    ['without a key', {}, 'KeyMissing'],
    ['with another key', { key: keyNamed('b') }, 'KeyUnknown'],
  ])('is refused %s', async (_, options, reason) => {
    const { given, error } = await read(whole, options);
    expect(error).toBeInstanceOf(BackupKeyError);
    expect(error).toMatchObject({ reason });
    expect(error!.message).toContain(key.id);
    expect(given).toEqual([]);
  });

  it('cannot be replaced by one that anybody could write', async () => {
    const forged = new MemoryStorage();
    await writeSample(forged, 'monday', { queues: { emails: SAMPLE_QUEUES.orders, orders: [] } });
    expect(await read(forged, { key })).toMatchObject({ given: [], error: { reason: 'NotEncrypted' } });
  });

  it('cannot be declared not to be encrypted', async () => {
    const storage = whole.copy();
    const { encryption: _, integrity: __, ...rest } = manifest;
    const integrity = { algorithm: 'SHA-256', value: sha256Of(canonicalJson(rest)) };
    storage.objects.set(MANIFEST, Buffer.from(canonicalJson({ ...rest, integrity })));
    expect(await read(storage, { key })).toMatchObject({ given: [], error: { reason: 'NotEncrypted' } });
    expect(await read(storage, {})).toMatchObject({ given: [], error: { reason: 'PartNotReadable', part: PART_1 } });
  });

  it('cannot be given a data key of which somebody else knows', async () => {
    const other = new MemoryStorage();
    const { manifest: theirs } = await writeSample(other, 'monday', { key: keyNamed('b') });
    const storage = other.copy();
    const encryption = { ...theirs.encryption!, keyId: key.id };
    storage.objects.set(MANIFEST, Buffer.from(canonicalJson({ ...theirs, encryption })));
    expect(await read(storage, { key })).toMatchObject({ given: [], error: { reason: 'KeyRefused' } });
  });
});

describe('a backup that is not encrypted', async () => {
  it('shows who changed all of it that the hash of its manifest is another', async () => {
    const whole = new MemoryStorage();
    const { sha256 } = await writeSample(whole, 'monday', {});
    const forged = new MemoryStorage();
    await writeSample(forged, 'monday', { queues: { emails: SAMPLE_QUEUES.orders, orders: [] } });
    expect(await read(forged, { manifestSha256: sha256 })).toMatchObject({
      given: [],
      error: { reason: 'ManifestUnexpected', part: MANIFEST },
    });
    expect((await read(forged, {})).error).toBeUndefined();
  });
});
