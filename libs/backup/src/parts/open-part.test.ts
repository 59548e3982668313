import { createHash, type webcrypto } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BackupKeys } from '../encryption/data-key.ts';
import { openPart, type StoredPart } from './open-part.ts';
import type { PartIdentity } from './part.ts';
import { sealPart } from './seal-part.ts';

const IDENTITY: PartIdentity = { backupId: 'monday', queue: 'emails', number: 2, records: 3 };
const LINES = Buffer.from('{"kind":"a"}\n{"kind":"b"}\n{"kind":"ü"}\n');
const { parts: KEY } = await BackupKeys.derive(Buffer.alloc(32, 1));
const { parts: OTHER_KEY } = await BackupKeys.derive(Buffer.alloc(32, 2));

/** A part whose size and hash are those that its manifest says, whatever is in it. */
function stored(bytes: Buffer, change: Partial<StoredPart> = {}): StoredPart {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const entry = { records: 3, bytes: LINES.length, storedBytes: bytes.length, sha256 };
  return { path: 'monday/emails/part-00002', bytes, entry, identity: IDENTITY, ...change };
}

async function seal(key?: webcrypto.CryptoKey, lines = LINES): Promise<Buffer> {
  return Buffer.concat((await sealPart(lines, IDENTITY, key)).chunks);
}

describe.each([
  ['encrypted', KEY],
  ['not encrypted', undefined],
])('a part that is %s', (_, key) => {
  it('opens as it was sealed, and is described so', async () => {
    const { chunks, ...entry } = await sealPart(LINES, IDENTITY, key);
    const bytes = Buffer.concat(chunks);
    expect(stored(bytes).entry).toEqual(entry);
    expect(await openPart(stored(bytes), key)).toEqual(LINES);
  });

  it('opens when it cannot be compressed, and when it is long', async () => {
    const lines = Buffer.concat([Buffer.alloc(300_000, 'abc'), Buffer.from(`${'x'.repeat(99)}\n`)]);
    const sealed = await sealPart(lines, { ...IDENTITY, records: 1 }, key);
    const bytes = Buffer.concat(sealed.chunks);
    const part = stored(bytes, { entry: sealed, identity: { ...IDENTITY, records: 1 } });
    expect((await openPart(part, key)).equals(lines)).toBe(true);
  });

  it.each([
    ['does not end with a line', '{"kind":"a"}\n{"kind":"b"}\n{"kind":"c"}', 'PartCountDiffers'],
    ['has a record fewer', '{"kind":"a"}\n{"kind":"b"}\n', 'PartCountDiffers'],
    ['has a record more', '{"kind":"a"}\n\n\n\n', 'PartCountDiffers'],
  ])('is refused when it %s', async (__, text, reason) => {
    const bytes = await seal(key, Buffer.from(text));
    const part = stored(bytes);
    const entry = { ...part.entry, bytes: Buffer.byteLength(text) };
    await expect(openPart({ ...part, entry }, key)).rejects.toMatchObject({ reason, part: part.path });
  });

  it.each([-1, 1, 1_000])('is refused when it inflates to %d bytes fewer or more than it should', async (by) => {
    const part = stored(await seal(key));
    const entry = { ...part.entry, bytes: LINES.length + by };
    await expect(openPart({ ...part, entry }, key)).rejects.toMatchObject({
      reason: 'PartNotReadable',
      part: part.path,
    });
  });
});

describe('an encrypted part', () => {
  it('is refused for any byte that changed, although its hash fits', async () => {
    const sealed = await seal(KEY);
    for (const at of sealed.keys()) {
      const bytes = Buffer.from(sealed);
      bytes[at]! ^= 1 << (at % 8);
      await expect(openPart(stored(bytes), KEY)).rejects.toMatchObject({ reason: 'PartNotAuthentic' });
    }
  });

  it.each<[string, Partial<PartIdentity>]>([
    ['another backup', { backupId: 'tuesday' }],
    ['another queue', { queue: 'orders' }],
    ['another place in its queue', { number: 3 }],
    ['another number of records', { records: 4 }],
  ])('is refused as one of %s', async (_, change) => {
    const bytes = await seal(KEY);
    const part = stored(bytes, { identity: { ...IDENTITY, ...change } });
    await expect(openPart(part, KEY)).rejects.toMatchObject({ reason: 'PartNotAuthentic', part: part.path });
  });

  it('is refused with another key', async () => {
    await expect(openPart(stored(await seal(KEY)), OTHER_KEY)).rejects.toMatchObject({ reason: 'PartNotAuthentic' });
  });

  it('is refused when it is not encrypted at all, or too short to be', async () => {
    const parts = [await seal(), Buffer.from('RQE1'), Buffer.from('RQE1'.padEnd(31, 'x'))];
    for (const bytes of parts)
      await expect(openPart(stored(bytes), KEY)).rejects.toMatchObject({ reason: 'PartNotAuthentic' });
  });

  it('has other bytes each time, so that it tells nothing about whether a queue changed', async () => {
    expect(await seal(KEY)).not.toEqual(await seal(KEY));
  });
});

describe('a part that is not encrypted', () => {
  it('is what zstd writes, so that its tools read it', async () => {
    expect((await seal()).readUInt32LE()).toBe(0xfd2fb528);
  });

  it('is refused when it is no zstd, or only the beginning of it', async () => {
    const sealed = await seal();
    for (const bytes of [Buffer.from('no zstd at all'), sealed.subarray(0, -3), sealed.subarray(0, 4)])
      await expect(openPart(stored(bytes), undefined)).rejects.toMatchObject({ reason: 'PartNotReadable' });
  });

  it('is refused when it needs a window of more than 8 MiB', async () => {
    const { constants } = await import('node:zlib');
    const lines = Buffer.concat([Buffer.alloc(1 << 25, 'x'), Buffer.from('\n')]);
    const params = { [constants.ZSTD_c_windowLog]: 25, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const part = stored(zstdCompressSync(lines, { params }));
    const entry = { ...part.entry, bytes: lines.length, records: 1 };
    await expect(openPart({ ...part, entry }, undefined)).rejects.toMatchObject({ reason: 'PartNotReadable' });
  });
});
