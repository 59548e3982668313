import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStorage, type Storage } from '@redis-queue/backup';
import { temporaryFolder } from '@redis-queue/rig';
import { beforeEach, describe, expect, it } from 'vitest';
import { DigestMemory } from './digest-memory.ts';
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

function take(next: NextPoint, base = 'nightly-01234567/'): Promise<PointResult> {
  return takePoint({
    storage,
    base,
    next,
    attempt: `attempt-${++attempts}`,
    uid: '01234567-89ab',
    namespace: 'shop',
    digests: new DigestMemory({ mostBytes: 1_000_000 }),
    createdAt: new Date(0),
    about: { name: 'nightly' },
    queues: [],
    assertLeading: () => undefined,
    signal: new AbortController().signal,
    report: () => undefined,
  });
}

const after = ({ chain, point, directory, manifestSha256 }: PointResult): NextPoint => ({
  chain,
  point: point + 1,
  previous: { directory, manifestSha256 },
});
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
    const full = await take({ chain: 1, point: 0 }, 'nightly-fedcba98/');
    const next = await take(after(full));
    expect(next).toMatchObject({ chain: 2, point: 0, broken: expect.stringContaining(full.directory) });
  });
});
