import {
  BackupDamagedError,
  BackupKeyError,
  chainFolder,
  openBackup,
  pointFolder,
  readPoint,
  removePoint,
  type KeyWrapper,
} from '@redis-queue/backup';
import { JobDigests, type QueueWrites, type SnapshotChanges } from '@redis-queue/bullmq';
import { MOST_JOBS, type DigestMemory, type PointDigests } from './digest-memory.ts';
import type { WriteWatches } from './write-watches.ts';
import { writeBackup, type BackupResult, type WriteOptions } from './write-backup.ts';

/** Where a point lies, and what its manifest has to be. */
export interface PointPlace {
  readonly directory: string;
  readonly manifestSha256: string;
}

/** A point that is to be taken. */
export interface NextPoint {
  /** From 1. */
  readonly chain: number;
  /** 0: the full one. */
  readonly point: number;
  /** The point before it; absent for the full one. */
  readonly previous?: PointPlace;
}

export interface PointOptions extends Omit<WriteOptions, 'directory' | 'backupId' | 'previous' | 'changes' | 'waits'> {
  /** Where the chains of this backup lie, with a slash at its end. */
  readonly base: string;
  /** Names this attempt as no other one is named, not even one of another process for the same point. */
  readonly attempt: string;
  readonly uid: string;
  readonly namespace: string;
  readonly next: NextPoint;
  readonly digests: DigestMemory;
  readonly writes: WriteWatches;
}

export interface PointResult extends BackupResult {
  readonly chain: number;
  readonly point: number;
  /** Its instant: when the first of its queues was read, in Unix ms, by the clock of that Redis. */
  readonly timeMs: number;
  /** Jobs that changed since the point before it; of a full one, all. */
  readonly changed: number;
  /** Why nothing could be added to the chain before; absent: that was as it should be. */
  readonly broken?: string;
}

/**
 * Takes one point: a full one, or what changed since the one before. What an attempt has left that crashed after its
 * manifest and before the status is removed first: nobody knows of it.
 */
export async function takePoint(options: PointOptions): Promise<PointResult> {
  const { storage, base, uid, namespace, attempt, digests, assertLeading, signal } = options;
  const previous = options.next.previous && (await readPrevious(options.next.previous, options));
  const known = previous && 'known' in previous ? previous : undefined;
  const broken = previous && 'broken' in previous ? previous.broken : undefined;
  const next = previous && !known ? { chain: options.next.chain + 1, point: 0 } : options.next;
  const chain = chainFolder(next.chain);
  await removePoint(storage, `${base}${chain}`, next.point, { signal, beforeRemove: assertLeading });
  const folder = pointFolder(next.point, attempt);
  const before = known?.place.manifestSha256;
  const writes = await options.writes.begin({ uid, namespace }, options.queues, before, signal);
  const found = new Map<string, JobDigests>();
  const result = await writeBackup({
    ...options,
    directory: `${base}${chain}/${folder}`,
    backupId: `${uid}-${chain}-${folder}`,
    about: { ...options.about, chain: next.chain, point: next.point },
    changes: {
      of: (queue) => changesOf(queue, { known: known?.known, found, writes }),
      // With nothing known of it, the next point that has it has all of its jobs.
      drop: (queue) => found.delete(queue),
    },
    ...(known && { previous: known.place }),
  });
  digests.hold(uid, namespace, result.manifestSha256, found);
  options.writes.finish(uid, result.manifestSha256);
  return {
    ...result,
    chain: next.chain,
    point: next.point,
    timeMs: Math.min(...result.queues.map(({ snapshotAt }) => snapshotAt)),
    changed: result.queues.reduce((sum, { changed, total }) => sum + (changed ?? total), 0),
    ...(broken !== undefined && { broken }),
  };
}

/** The digests of all queues together are bounded, whichever queue has them. */
function changesOf(
  queue: string,
  {
    known,
    found,
    writes,
  }: {
    readonly known: PointDigests | undefined;
    readonly found: Map<string, JobDigests>;
    readonly writes: ReadonlyMap<string, QueueWrites>;
  },
): SnapshotChanges {
  const held = [...found.values()].reduce((sum, { size }) => sum + size, 0);
  const next = new JobDigests({ limit: MOST_JOBS - held });
  found.set(queue, next);
  const heard = writes.get(queue);
  return { known: known?.get(queue) ?? new JobDigests({ limit: 0 }), next, ...(heard && { writes: heard }) };
}

type Previous =
  | {
      /** As the manifest of an increment names it. */
      readonly place: NonNullable<WriteOptions['previous']>;
      readonly known: PointDigests;
    }
  /** Nothing can be added to its chain. */
  | { readonly broken: string }
  /** Nothing is added to its chain, since the key is another one. */
  | { readonly key: string };

/**
 * The point before this one, and what jobs were like then. Its manifest is looked at each time: an increment of what is
 * gone could not be restored, and nobody would know before that day.
 */
async function readPrevious(place: PointPlace, options: PointOptions): Promise<Previous> {
  const { storage, openKey, signal, uid, digests, base, next } = options;
  const { directory, manifestSha256 } = place;
  const folder = directory.slice(directory.lastIndexOf('/') + 1);
  // As it would be where the status came with an object that was created again, under another uid.
  if (directory !== `${base}${chainFolder(next.chain)}/${folder}`)
    return { broken: `the newest point is at ${directory}, and not beside the next one` };
  const key = await openKey?.();
  const keyed = { signal, manifestSha256, ...(key && { key }) };
  try {
    const { backupId, encryption } = (await readPoint(storage, directory, keyed)).manifest;
    // So that a chain needs one key: without the former one, none of it could be restored.
    if (encryption && encryption.keyId !== key?.id) return { key: encryption.keyId };
    const known = digests.of(uid, manifestSha256) ?? (await readDigests(place, options, key));
    return { place: { directory: folder, backupId, manifestSha256 }, known };
  } catch (error) {
    if (!breaksChain(error)) throw error;
    return { broken: error.message };
  }
}

/** Whether nothing can be added to a chain any more: it is not what was written, or its key is gone. */
function breaksChain(error: unknown): error is Error {
  if (error instanceof BackupKeyError) return error.reason !== 'KeyDenied' && error.reason !== 'KeyServiceFailed';
  return error instanceof BackupDamagedError;
}

/** What jobs were like at a point, as it has them. A job without a digest counts as changed. */
async function readDigests(
  { directory, manifestSha256 }: PointPlace,
  { storage, signal, report }: PointOptions,
  key: KeyWrapper | undefined,
): Promise<PointDigests> {
  const backup = await openBackup(storage, directory, { signal, manifestSha256, ...(key && { key }) });
  const all = new Map<string, JobDigests>();
  let held = 0;
  for (const [queuesDone, { name }] of backup.manifest.queues.entries()) {
    const digests = new JobDigests({ limit: MOST_JOBS - held });
    // oxlint-disable-next-line no-await-in-loop -- one after the other: memory is bounded by the parts of one
    for await (const { records } of backup.records(name)) {
      for (const { kind, id, digest } of records)
        if (kind === 'job' && typeof id === 'string' && typeof digest === 'string') digests.set(id, digest);
      report({ step: 'Checking', queue: name, jobs: digests.size, queuesDone });
    }
    all.set(name, digests);
    held += digests.size;
  }
  return all;
}
