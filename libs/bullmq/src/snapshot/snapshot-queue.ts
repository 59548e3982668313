import type { Milliseconds } from '@redis-queue/api';
import type { Cluster, Redis } from 'ioredis';
import { setTimeout as wait } from 'node:timers/promises';
import type { QueueRef } from '../redis/keys.ts';
import { readAtOnce, type IndexesAtOnce } from './at-once.ts';
import type { SnapshotChanges } from './changed-jobs.ts';
import {
  ALL_INDEXES,
  BEFORE_LINE,
  BEHIND_LINE,
  IN_LINE,
  indexPages,
  isFinished,
  setEntries,
  type JobIndex,
} from './index-pages.ts';
import { JobRecords } from './job-records.ts';
import { MovedJobs, locateJobs } from './moved-jobs.ts';
import { INDEXES, planSnapshot, SCHEDULERS, type SnapshotPlan } from './plan.ts';
import { QueueReads } from './queue-reads.ts';
import { MAX_INDEX_ENTRIES, STATES, type IndexEntry, type QueueRecord } from './records.ts';
import { scanKey } from './scan-key.ts';
import { readSchedulerRecords } from './schedulers.ts';
import { SeenIds } from './seen-ids.ts';

export interface SnapshotOptions {
  /** Ends the snapshot: no read of Redis is waited for any longer. */
  readonly signal: AbortSignal;
  /** Absent: as many as Redis and whoever takes the records can do, less while others keep Redis busy. */
  readonly jobsPerSecond?: number;
  /** The most entries of all indexes that are read at one instant. */
  readonly maxEntriesInOneStep?: number;
  /** Entries per page of a larger queue. */
  readonly pageSize?: number;
  /** Ms of a clock that only goes forward. */
  readonly now?: () => Milliseconds;
  /** Waits; may end earlier when `signal` aborts. */
  readonly sleep?: (ms: Milliseconds, signal: AbortSignal) => Promise<void>;
  /**
   * Leaves out jobs that have not changed since the backup before, and gives the others with their digests. With the same
   * `known`, a snapshot that was not written to its end may be taken again, with a `next` that is empty.
   */
  readonly changes?: SnapshotChanges;
  /**
   * Reads the dead letters of the queue, once its own jobs have been read: what a redrive puts back meanwhile is looked for
   * afterwards, or it would be in neither. What it returns is called after that.
   */
  readonly readLetters?: () => Promise<(() => Promise<void>) | undefined>;
  /**
   * Of dead letters: is called once they have been read, and they are looked through once more when it settles. A letter
   * that was put back before it was read, and has died again before the queue was looked at, is there once more.
   */
  readonly beforeLastLook?: () => Promise<void>;
  /** Told now and then how many jobs have been read, and how many there were at first. */
  readonly onProgress?: (jobs: number, of: number) => void;
}

/** Redis is busy for less than 20 ms with so many. */
export const MAX_ENTRIES_IN_ONE_STEP = 50_000;
/** Walks of what is in line, where it is too much to be read at one instant. */
const WALKS_OF_LINE = 3;
/** Walks of all states, where it cannot be told from events which jobs went back. */
const MAX_WALKS = 4;

/**
 * Reads all that a backup of a queue consists of, some records at a time; it writes nothing, and takes `ACL_RULES.backup`.
 *
 * Up to `maxEntriesInOneStep` the states of all jobs are of one instant. A larger queue is read page by page, each state
 * before those that a job goes to from it; jobs that went back meanwhile are known from the events. Either way every job
 * that is there all the time is in it at least once, in a state that it had since the snapshot began.
 *
 * @throws UnreadableKeyError for what cannot be backed up; QueueRestoringError while a restore has the queue; TooManyJobsError with `changes`; the signal's reason; what ioredis throws, see
 * `classifyRedisError`.
 */
export async function* snapshotQueue(
  redis: Redis | Cluster,
  queue: QueueRef,
  options: SnapshotOptions,
): AsyncGenerator<readonly QueueRecord[]> {
  const { signal, changes, now = () => performance.now(), sleep = sleepUntilAborted } = options;
  const reads = new QueueReads(redis as Redis, queue, { signal, now, sleep });
  const plan = await planSnapshot(reads);
  changes?.next.assertHolds(plan.jobs);
  const records = new JobRecords(reads, {
    now,
    jobsPerSecond: options.jobsPerSecond,
    changes,
    onProgress: (jobs) => options.onProgress?.(jobs, plan.jobs),
  });
  const { maxEntriesInOneStep = MAX_ENTRIES_IN_ONE_STEP, pageSize = MAX_INDEX_ENTRIES } = options;
  const indexes = plan.fitAtOnce(INDEXES, maxEntriesInOneStep) ? await readAtOnce(reads, INDEXES) : undefined;
  yield [
    {
      kind: 'queue',
      ...queue,
      ...plan.settings,
      snapshotAt: (indexes ?? plan).redisTimeMs,
      consistent: indexes !== undefined,
    },
  ];
  const moved = new MovedJobs(reads, plan.events);
  if (indexes) yield* readIndexed(records, indexes);
  else yield* readPages(records, reads, { plan, moved, maxEntriesInOneStep, pageSize });
  const finishLetters = await options.readLetters?.();
  if (!indexes || options.readLetters) yield* readWhatCameBack(records, reads, { plan, moved, pageSize });
  await finishLetters?.();
  if (options.beforeLastLook) {
    await options.beforeLastLook();
    yield* readNewOnes(records, reads, { plan, moved, maxEntriesInOneStep, pageSize });
  }
  const schedulers = indexes ? [indexes.entries.get(SCHEDULERS.suffix) ?? []] : schedulerPages(reads);
  for await (const entries of schedulers) yield* readSchedulerRecords(reads, entries);
  yield [{ kind: 'end', ...records.summary() }];
}

/**
 * Looks whether a snapshot can begin, for who has other queues to read before.
 * @throws what `snapshotQueue` throws before its first record.
 */
export async function checkSnapshot(
  redis: Redis | Cluster,
  queue: QueueRef,
  { signal }: Pick<SnapshotOptions, 'signal'>,
): Promise<void> {
  const options = { signal, now: () => performance.now(), sleep: sleepUntilAborted };
  await planSnapshot(new QueueReads(redis as Redis, queue, options));
}

async function* readIndexed(
  records: JobRecords,
  indexes: IndexesAtOnce,
  isWanted: (id: string) => boolean = () => true,
): AsyncGenerator<readonly QueueRecord[]> {
  for (const { state, suffix } of ALL_INDEXES) {
    const entries = indexes.entries.get(suffix) ?? [];
    yield* records.read(
      state,
      entries.filter(([id]) => isWanted(id)),
    );
  }
}

interface Paged {
  readonly plan: SnapshotPlan;
  readonly moved: MovedJobs;
  readonly pageSize: number;
}

async function* readPages(
  records: JobRecords,
  reads: QueueReads,
  { maxEntriesInOneStep, ...paged }: Paged & { readonly maxEntriesInOneStep: number },
): AsyncGenerator<readonly QueueRecord[]> {
  records.between(() => readMoved(records, reads, paged.moved));
  const isNew = (id: string): boolean => !records.seen.has(id);
  for (const index of BEFORE_LINE) yield* walk(records, reads, paged, index, isNew);
  // Moves within the line write no event. At one instant none can be missed; else one that is moved as often as the line
  // is walked, each time behind where the walk is.
  const fits = (await planSnapshot(reads)).fitAtOnce(IN_LINE, maxEntriesInOneStep);
  const line = fits ? await readAtOnce(reads, IN_LINE) : undefined;
  if (line) yield* readIndexed(records, line, isNew);
  else
    for (let walks = 0; walks < WALKS_OF_LINE; walks++)
      for (const index of IN_LINE) yield* walk(records, reads, paged, index, isNew);
  // One that was read before it finished is read again, so that it is restored as finished.
  for (const index of BEHIND_LINE) yield* walk(records, reads, paged, index, isFinished(index) ? () => true : isNew);
}

async function* walk(
  records: JobRecords,
  reads: QueueReads,
  { plan, pageSize }: Paged,
  index: JobIndex,
  isWanted: (id: string) => boolean,
): AsyncGenerator<readonly QueueRecord[]> {
  const pages = indexPages(reads, index, { pageSize, size: plan.sizes.get(index.suffix) ?? 0 });
  for await (const entries of pages) {
    yield* records.read(
      index.state,
      entries.filter(([id]) => isWanted(id)),
    );
  }
}

/** Jobs that went back to a state which has been read, from a later one or from the dead letters. */
async function* readWhatCameBack(
  records: JobRecords,
  reads: QueueReads,
  paged: Paged,
): AsyncGenerator<readonly QueueRecord[]> {
  yield* readMoved(records, reads, paged.moved);
  for (let walks = 1; paged.moved.missesSome && walks < MAX_WALKS; walks++) {
    for (const index of ALL_INDEXES) yield* walk(records, reads, paged, index, (id) => !records.seen.has(id));
    yield* readMoved(records, reads, paged.moved);
  }
}

/** Those that no look has seen yet. */
async function* readNewOnes(
  records: JobRecords,
  reads: QueueReads,
  { maxEntriesInOneStep, ...paged }: Paged & { readonly maxEntriesInOneStep: number },
): AsyncGenerator<readonly QueueRecord[]> {
  const isNew = (id: string): boolean => !records.seen.has(id);
  const fits = (await planSnapshot(reads)).fitAtOnce(ALL_INDEXES, maxEntriesInOneStep);
  const indexes = fits ? await readAtOnce(reads, ALL_INDEXES) : undefined;
  if (indexes) yield* readIndexed(records, indexes, isNew);
  else for (const index of ALL_INDEXES) yield* walk(records, reads, paged, index, isNew);
}

/** Those that events name. */
async function* readMoved(
  records: JobRecords,
  reads: QueueReads,
  moved: MovedJobs,
): AsyncGenerator<readonly QueueRecord[]> {
  const ids = [...(await moved.next())].filter((id) => !records.seen.has(id));
  if (ids.length === 0) return;
  const located = Map.groupBy(await locateJobs(reads, ids), ({ state }) => state);
  for (const state of STATES) {
    const jobs: IndexEntry[] = (located.get(state) ?? []).map(({ entry }) => entry);
    yield* records.read(state, jobs);
  }
}

/** Page by page: whoever makes job schedulers sets how many there are. One whose time changes comes once. */
async function* schedulerPages(reads: QueueReads): AsyncGenerator<readonly IndexEntry[]> {
  const seen = new SeenIds();
  for await (const elements of scanKey(reads, SCHEDULERS.suffix, 'ZSCAN'))
    yield setEntries(elements, reads.key(SCHEDULERS.suffix)).filter(([id]) => seen.add(id));
}

async function sleepUntilAborted(ms: Milliseconds, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch {
    // Who reads next is told.
  }
}
