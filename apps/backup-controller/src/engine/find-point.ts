import { readChain, type Manifest, type Storage } from '@redis-queue/backup';
import type { OpenKey } from '../access/storage-access.ts';
import { RunFailure } from '../runs/failure.ts';
import type { PointPlace } from './take-point.ts';

export interface FindOptions {
  /** Unix ms. */
  readonly atMs: number;
  /** Of the queues of a point, those that are restored. */
  readonly restoredOf: (names: readonly string[]) => readonly string[];
  readonly openKey?: OpenKey | undefined;
  readonly signal: AbortSignal;
}

/** The newest point of a chain. */
export type ChainPlace = Omit<PointPlace, 'manifestSha256'> & Partial<PointPlace>;

/**
 * The newest point that has nothing that came after a time, of the queues that are restored: they are read one after the
 * other, so that it is as late as the last of them. From the newest one back: each manifest has the hash of the one before,
 * so that what is found is what was written.
 *
 * @param newestOfEach of the chains in which it may be, the newest chain first.
 * @throws RunFailure when all are later.
 */
export async function findPoint(
  storage: Storage,
  newestOfEach: readonly ChainPlace[],
  { atMs, restoredOf, openKey, signal }: FindOptions,
): Promise<PointPlace> {
  const key = await openKey?.();
  let first: number | undefined;
  for (const { directory, manifestSha256 } of newestOfEach) {
    const options = { signal, ...(manifestSha256 !== undefined && { manifestSha256 }), ...(key && { key }) };
    // oxlint-disable-next-line no-await-in-loop -- from the newest back
    for await (const point of readChain(storage, directory, options)) {
      first = timeOf(point.manifest, restoredOf);
      if (first <= atMs) return { directory: point.directory, manifestSha256: point.manifestSha256 };
    }
  }
  const message = `the first point at ${newestOfEach.at(-1)?.directory} is of ${new Date(first ?? NaN).toISOString()}, later than spec.from.backup.at`;
  throw new RunFailure({ reason: 'PointNotFound', message });
}

/** When the last of the queues that are restored was read, in Unix ms, by the clock of its Redis. */
function timeOf({ queues, createdAt }: Manifest, restoredOf: FindOptions['restoredOf']): number {
  const restored = new Set(restoredOf(queues.map(({ name }) => name)));
  const times = queues
    .filter(({ name }) => restored.has(name))
    .map(({ about: { snapshotAt } }) => snapshotAt)
    .filter((time) => typeof time === 'number');
  return times.length > 0 ? Math.max(...times) : Date.parse(createdAt);
}
