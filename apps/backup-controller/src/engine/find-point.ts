import { readChain, type Manifest, type Storage } from '@redis-queue/backup';
import type { OpenKey } from '../access/storage-access.ts';
import { RunFailure } from '../runs/failure.ts';
import type { PointPlace } from './take-point.ts';

export interface FindOptions {
  /** Unix ms. */
  readonly atMs: number;
  readonly openKey?: OpenKey | undefined;
  readonly signal: AbortSignal;
}

/**
 * The newest point of a chain that is not later than a time, from the newest one back: each manifest has the hash of the
 * one before, so that what is found is what was written.
 *
 * @param newest of the chain.
 * @throws RunFailure when all are later.
 */
export async function findPoint(
  storage: Storage,
  newest: Omit<PointPlace, 'manifestSha256'> & Partial<PointPlace>,
  { atMs, openKey, signal }: FindOptions,
): Promise<PointPlace> {
  const key = await openKey?.();
  const { manifestSha256 } = newest;
  const options = { signal, ...(manifestSha256 !== undefined && { manifestSha256 }), ...(key && { key }) };
  let first: number | undefined;
  for await (const point of readChain(storage, newest.directory, options)) {
    first = timeOf(point.manifest);
    if (first <= atMs) return { directory: point.directory, manifestSha256: point.manifestSha256 };
  }
  const message = `the first point at ${newest.directory} is of ${new Date(first ?? NaN).toISOString()}, later than spec.from.backup.at`;
  throw new RunFailure({ reason: 'PointNotFound', message });
}

/** The instant of a point, in Unix ms. */
function timeOf({ queues, createdAt }: Manifest): number {
  const times = queues.map(({ about: { snapshotAt } }) => snapshotAt).filter((time) => typeof time === 'number');
  return times.length > 0 ? Math.min(...times) : Date.parse(createdAt);
}
