import { readyJobs, type BacklogFields, type BacklogSample, type FinishedSample } from '@redis-queue/bullmq';
import {
  emptyHistory,
  observeQueue,
  withHorizon,
  type DueJobs,
  type Instant,
  type QueueHistory,
} from '@redis-queue/scaling';

/** What is known of one watched queue. */
export interface QueueKnowledge {
  readonly history: QueueHistory;
  /** The newest sample; it stays through failures, so that its age shows. */
  readonly latest?: { readonly sample: BacklogSample; readonly atMs: Instant };
  /**
   * The newest sample that found no job in line: no job in line has been ready for longer. Absent: there was none yet.
   */
  readonly lineEmptyAtMs?: Instant;
  /** The newest sample that read rare fields. */
  readonly rareReadAtMs?: Instant;
  /** The newest sample that read orphans. */
  readonly orphansReadAtMs?: Instant;
  /** Why the last sample failed, if it did; without secrets. */
  readonly failure?: string;
  /** Read since the last sample, not yet in the history. */
  readonly finished?: FinishedSample;
}

/** What is known before the first sample. @param podStartMs how far ahead arrivals are forecast. */
export function initialKnowledge(nowMs: Instant, waitTargetMs: number, podStartMs: number): QueueKnowledge {
  return { history: emptyHistory(nowMs, waitTargetMs, podStartMs) };
}

/** How often the rare fields of a queue are read when the last sample that read them found none set. */
const RARE_EVERY_MS = 5_000;
/** A lock outlives its worker by half a minute, and a stalled job waits that long to be recovered. */
const ORPHANS_EVERY_MS = 15_000;

/**
 * What the next sample has to read besides counts. Pure.
 *
 * Heads of line are read only when a job may have waited for half of the wait target: below that no decision depends on
 * it. Rare fields are read when some were set, now and then, and when no job was in line or ran, so that a queue that
 * is paused or limited before its first job wakes no pool.
 */
export function fieldsToRead(known: QueueKnowledge, waitTargetMs: number, nowMs: Instant): BacklogFields {
  const { latest, lineEmptyAtMs = -Infinity, rareReadAtMs = -Infinity, orphansReadAtMs = -Infinity } = known;
  const rare =
    latest === undefined ||
    isIdle(latest.sample) ||
    hasRareFields(latest.sample) ||
    nowMs - rareReadAtMs >= RARE_EVERY_MS;
  const hadOrphans = (latest?.sample.orphaned ?? 0) > 0;
  const orphans = hadOrphans || nowMs - orphansReadAtMs >= ORPHANS_EVERY_MS;
  return { heads: nowMs - lineEmptyAtMs >= waitTargetMs / 2, rare: rare || orphans, orphans };
}

function isIdle({ waiting, prioritized, active }: BacklogSample): boolean {
  return waiting + prioritized + active === 0;
}

function hasRareFields(sample: BacklogSample): boolean {
  const { paused, rateLimit, globalConcurrency, waitingChildren, legacyPaused, schedulers = 0, orphaned = 0 } = sample;
  if (sample.limitWindowMs !== undefined) return true;
  const jobs = waitingChildren + legacyPaused + schedulers + orphaned;
  return paused || rateLimit !== undefined || globalConcurrency !== undefined || jobs > 0;
}

/**
 * What is known of the queue with one more sample. Pure.
 *
 * @param fields what the sample was asked to read.
 * @param podStartMs within which jobs were counted as due soon; absent: as before.
 */
export function learnSample(
  { history: before, finished, lineEmptyAtMs, rareReadAtMs, orphansReadAtMs }: QueueKnowledge,
  sample: BacklogSample,
  atMs: Instant,
  fields: BacklogFields = { heads: true, rare: true, orphans: true },
  podStartMs: number = before.horizonMs,
): QueueKnowledge {
  const history = withHorizon(before, podStartMs);
  const dueBy = dueJobs(sample, podStartMs);
  const counters = {
    atMs,
    ready: readyJobs(sample),
    active: sample.active,
    notYetReady: sample.delayed - sample.overdue + sample.waitingChildren,
    ...(sample.addCounter !== undefined && { addCounter: sample.addCounter }),
    ...(dueBy && { dueBy }),
  };
  const emptyAtMs = sample.waiting + sample.prioritized === 0 ? atMs : lineEmptyAtMs;
  const rareAtMs = fields.rare ? atMs : rareReadAtMs;
  const orphansAtMs = fields.orphans ? atMs : orphansReadAtMs;
  return {
    history: observeQueue(history, counters, finished),
    latest: { sample, atMs },
    ...(emptyAtMs !== undefined && { lineEmptyAtMs: emptyAtMs }),
    ...(rareAtMs !== undefined && { rareReadAtMs: rareAtMs }),
    ...(orphansAtMs !== undefined && { orphansReadAtMs: orphansAtMs }),
  };
}

/**
 * By when the jobs come that are due soon: by quarters of the horizon, runs of job schedulers evenly. Pure.
 *
 * @returns undefined when none is.
 */
export function dueJobs(
  { dueByQuarter, dueSoon, scheduledSoon = 0 }: BacklogSample,
  horizonMs: number,
): DueJobs[] | undefined {
  if (dueSoon + scheduledSoon === 0) return undefined;
  const delayed = [...(dueByQuarter ?? [0, 0, 0]), dueSoon];
  return delayed.map((jobs, quarter) => {
    const part = (quarter + 1) / delayed.length;
    return { withinMs: part * horizonMs, jobs: jobs + part * scheduledSoon };
  });
}

/** What is known of the queue after a sample failed. Pure. */
export function learnFailure(known: QueueKnowledge, failure: string): QueueKnowledge {
  return { ...known, failure };
}

/** Whether it is worth reading what has finished: a job ran, or may have run, since the last sample. Pure. */
export function mayHaveFinished(before: BacklogSample | undefined, now: BacklogSample): boolean {
  // There may be thousands of queues that never had a job.
  if (before === undefined) return now.active > 0 || now.addCounter !== undefined;
  return (
    now.active > 0 ||
    before.active > 0 ||
    before.addCounter !== now.addCounter ||
    readyJobs(before) !== readyJobs(now) ||
    before.delayed !== now.delayed
  );
}
