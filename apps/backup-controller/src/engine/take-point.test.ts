import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BackupKeyError,
  BackupWriter,
  openStorage,
  secretKeys,
  type KeyWrapper,
  type Storage,
} from '@redis-queue/backup';
import { temporaryFolder } from '@redis-queue/rig';
import { beforeEach, describe, expect, it } from 'vitest';
import { DigestMemory } from './digest-memory.ts';
import { WriteWatches } from './write-watches.ts';
import { takePoint, type NextPoint, type PointResult } from './take-point.ts';

// On a real file system, and of no queue: points.integration.test.ts has queues.

let root: string;
let storage: Storage;
let attempts = 0;
beforeEach(async () => {
  root = temporaryFolder('points');
  storage = await openStorage({ volume: { root, path: 'shop' } }, {}, {});
  return () => storage.close();
});

const BASE = 'nightly-01234567/';
const { signal } = new AbortController();

function take(next: NextPoint, { base = BASE, key }: { base?: string; key?: KeyWrapper } = {}): Promise<PointResult> {
  return takePoint({
    storage,
    base,
    openKey: key && (() => Promise.resolve(key)),
    next,
    attempt: `attempt-${++attempts}`,
    uid: '01234567-89ab',
    namespace: 'shop',
    digests: new DigestMemory({ mostBytes: 1_000_000 }),
    writes: new WriteWatches(),
    createdAt: new Date(0),
    about: { name: 'nightly' },
    queues: [],
    assertLeading: () => undefined,
    signal,
    report: () => undefined,
  });
}

const after = ({ chain, point, directory, manifestSha256 }: PointResult): NextPoint => ({
  chain,
  point: point + 1,
  previous: { directory, manifestSha256 },
});
const unanswered = (): Promise<never> => Promise.reject(new BackupKeyError('KeyServiceFailed', 'no answer'));
const filesOf = (directory: string): string[] => readdirSync(join(root, 'shop', directory));

describe('a point', () => {
  it('lies beside the one before, which its manifest names', async () => {
    const full = await take({ chain: 3, point: 0 });
    const next = await take(after(full));
    expect(full.directory).toMatch(/^nightly-01234567\/c00003\/000000-attempt-\d+$/);
    expect(next.directory).toMatch(/^nightly-01234567\/c00003\/000001-attempt-\d+$/);
    expect([full, next].map(({ formatVersion, broken }) => [formatVersion, broken])).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
    expect(await take(after(next))).toMatchObject({ chain: 3, point: 2 });
  });

  it('comes in the place of what an attempt at it has left, and of nothing else', async () => {
    const full = await take({ chain: 1, point: 0 });
    const lost = await take(after(full));
    const again = await take(after(full));
    expect(again.directory).not.toBe(lost.directory);
    const folders = [full, again].map(({ directory }) => directory.split('/').at(-1));
    expect(filesOf('nightly-01234567/c00001').toSorted()).toEqual(folders);
  });

  it.each<[string, (directory: string) => void]>([
    ['is gone', (directory) => rmSync(join(directory, 'manifest.json'))],
    ['is not what was written', (directory) => writeFileSync(join(directory, 'manifest.json'), '{}')],
  ])('begins a chain when the one before %s', async (_, harm) => {
    const full = await take({ chain: 1, point: 0 });
    harm(join(root, 'shop', full.directory));
    const next = await take(after(full));
    expect(next).toMatchObject({ chain: 2, point: 0, formatVersion: 1 });
    expect(next.broken).toContain(`${full.directory}/manifest.json`);
    expect((await take(after(next))).broken).toBeUndefined();
  });

  it('begins a chain when the one before lies in the folder of another object', async () => {
    const full = await take({ chain: 1, point: 0 }, { base: 'nightly-fedcba98/' });
    const next = await take(after(full));
    expect(next).toMatchObject({ chain: 2, point: 0, broken: expect.stringContaining(full.directory) });
  });

  it('begins a chain when what jobs were like cannot be read back from the one before', async () => {
    const directory = `${BASE}c00001/000000-a`;
    const options = { directory, backupId: 'a', createdAt: new Date(0), about: {}, signal };
    const writer = await BackupWriter.create(storage, options);
    const queue = writer.queue('emails');
    const job = { kind: 'job', id: '1', hash: {}, digest: '0123456789abcdef' };
    await queue.write([job]);
    await queue.close();
    const { sha256: manifestSha256 } = await writer.finish();
    const next = { chain: 1, point: 1, previous: { directory, manifestSha256 } };
    expect((await take(next)).broken).toBeUndefined();
    writeFileSync(join(root, 'shop', directory, 'emails/part-00001'), 'other');
    expect((await take(next)).broken).toContain('emails/part-00001');
  });
});

describe('the key of a chain', () => {
  const [old, fresh] = ['a', 'b'].map((letter) => Buffer.alloc(32, letter).toString('base64'));

  it('is one: with another one a chain begins, which is told where the former one is gone', async () => {
    const full = await take({ chain: 1, point: 0 }, { key: secretKeys(old!) });
    const next = await take(after(full), { key: secretKeys(old!) });
    expect(next).toMatchObject({ chain: 1, point: 1 });
    const changed = await take(after(next), { key: secretKeys(`${fresh}\n${old}`) });
    expect([changed.chain, changed.point, changed.broken]).toEqual([2, 0, undefined]);
    expect(await take(after(changed), { key: secretKeys(fresh!) })).toMatchObject({ chain: 2, point: 1 });
    const lost = await take(after(next), { key: secretKeys(fresh!) });
    expect(lost).toMatchObject({ chain: 2, point: 0, broken: expect.stringContaining('key') });
  });

  it('that its service does not give at the moment ends no chain', async () => {
    const key = secretKeys(old!);
    const full = await take({ chain: 1, point: 0 }, { key });
    const silent: KeyWrapper = { id: key.id, wrap: (...of) => key.wrap(...of), unwrap: unanswered };
    await expect(take(after(full), { key: silent })).rejects.toThrow('no answer');
    expect(readdirSync(join(root, 'shop', BASE))).toEqual(['c00001']);
  });
});
