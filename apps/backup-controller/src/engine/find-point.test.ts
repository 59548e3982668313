import { BackupWriter, openStorage, type Storage } from '@redis-queue/backup';
import { temporaryFolder } from '@redis-queue/rig';
import { beforeEach, describe, expect, it } from 'vitest';
import { findPoint, type ChainPlace } from './find-point.ts';

// On a real file system.

const { signal } = new AbortController();
let storage: Storage;
beforeEach(async () => {
  storage = await openStorage({ volume: { root: temporaryFolder('find'), path: 'shop' } }, {}, {});
  return () => storage.close();
});

/** A chain of points, each with the times at which its queues were read; its newest point. */
async function chainOf(number: number, points: readonly Record<string, number>[]): Promise<ChainPlace> {
  let previous: { directory: string; backupId: string; manifestSha256: string } | undefined;
  for (const [point, times] of points.entries()) {
    const directory = `00000${point}-a`;
    const backupId = `b${number}-${point}`;
    const writer = await BackupWriter.create(storage, {
      directory: `c0000${number}/${directory}`,
      backupId,
      ...(previous && { previous }),
      createdAt: new Date(0),
      about: {},
      signal,
    });
    for (const [name, snapshotAt] of Object.entries(times)) {
      const queue = writer.queue(name);
      await queue.write([{ kind: 'queue' }]);
      await queue.close({ snapshotAt });
    }
    previous = { directory, backupId, manifestSha256: (await writer.finish()).sha256 };
  }
  return { directory: `c0000${number}/${previous!.directory}`, manifestSha256: previous!.manifestSha256 };
}

const restoredOf = (names: readonly string[]) => names;

describe('the point of a time', () => {
  it('is the newest one of which no queue that is restored was read later', async () => {
    const chain = await chainOf(1, [
      { emails: 10, orders: 15 },
      { emails: 20, orders: 25 },
      { emails: 30, orders: 35 },
    ]);
    const at = async (atMs: number, restored = restoredOf) =>
      (await findPoint(storage, [chain], { atMs, restoredOf: restored, signal })).directory.slice(0, 13);
    expect(await at(35)).toBe('c00001/000002');
    expect(await at(34)).toBe('c00001/000001');
    expect(await at(22)).toBe('c00001/000000');
    expect(await at(22, () => ['emails'])).toBe('c00001/000001');
    await expect(at(12)).rejects.toThrow('the first point at c00001/000002-a is of 1970-01-01T00:00:00.015Z');
  });

  it('is in the chain before, where the first point of that of the time was under way', async () => {
    const before = await chainOf(1, [{ emails: 10, orders: 15 }]);
    const chain = await chainOf(2, [{ emails: 20, orders: 25 }]);
    const found = await findPoint(storage, [chain, before], { atMs: 22, restoredOf, signal });
    expect(found).toEqual(before);
  });
});
