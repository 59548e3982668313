import type { WorkerPoolStatus } from '@redis-queue/api';
import { headAgeMs, readyJobs, type BacklogSample, type BacklogWish, type FinishedSample } from '@redis-queue/bullmq';
import {
  emptyHistory,
  estimateQueue,
  observeQueue,
  type Instant,
  type PoolObservation,
  type QueueHistory,
  type QueueLoad,
  type QueueObservation,
} from '@redis-queue/scaling';
import type { PoolQueue, ScaledPool } from '../watching/topology.ts';

/** What is known of one watched queue. */
export interface QueueKnowledge {
  readonly history: QueueHistory;
  /** The newest look; kept through failures for its age to tell. */
  readonly latest?: { readonly sample: BacklogSample; readonly atMs: Instant };
  /** The newest look at which nothing was in line: nothing in line has been ready for longer. Absent: there was none yet. */
  readonly lineEmptyAtMs?: Instant;
  /** The newest look that read what is rare. */
  readonly rareReadAtMs?: Instant;
  /** The newest look that read orphans. */
  readonly orphansReadAtMs?: Instant;
  /** Why the last look failed, if it did; without secrets. */
  readonly failure?: string;
  /** Read since the last look, not yet in the history. */
  readonly finished?: FinishedSample;
}

/** @param podStartMs how far ahead arrivals are to be foretold. */
export function knowNothing(nowMs: Instant, waitTargetMs: number, podStartMs: number): QueueKnowledge {
  return { history: emptyHistory(nowMs, waitTargetMs, podStartMs) };
}

/** How old what is rare of a queue may be when the last look that read it found none. */
const RARE_EVERY_MS = 5_000;
/** A lock outlives its worker by half a minute, and a stalled job waits that long to be brought back. */
const ORPHANS_EVERY_MS = 15_000;

/**
 * What the next look has to read besides counts. Pure. Heads of line only when one may have waited for half of the wait target,
 * below which no decision depends on it; what is rare when there was some, when nothing was in line and nothing ran, so that a
 * queue that is paused or limited before its first job wakes nobody, and now and then.
 */
export function wishOf(known: QueueKnowledge, waitTargetMs: number, nowMs: Instant): BacklogWish {
  const { latest, lineEmptyAtMs = -Infinity, rareReadAtMs = -Infinity, orphansReadAtMs = -Infinity } = known;
  const rare =
    latest === undefined ||
    isIdle(latest.sample) ||
    hasWhatIsRare(latest.sample) ||
    nowMs - rareReadAtMs >= RARE_EVERY_MS;
  const hadOrphans = (latest?.sample.orphaned ?? 0) > 0;
  const orphans = hadOrphans || nowMs - orphansReadAtMs >= ORPHANS_EVERY_MS;
  return { heads: nowMs - lineEmptyAtMs >= waitTargetMs / 2, rare: rare || orphans, orphans };
}

function isIdle({ waiting, prioritized, active }: BacklogSample): boolean {
  return waiting + prioritized + active === 0;
}

function hasWhatIsRare(sample: BacklogSample): boolean {
  const { paused, rateLimit, globalConcurrency, waitingChildren, legacyPaused, schedulers = 0, orphaned = 0 } = sample;
  const jobs = waitingChildren + legacyPaused + schedulers + orphaned;
  return paused || rateLimit !== undefined || globalConcurrency !== undefined || jobs > 0;
}

/**
 * Takes a look at the queue into what is known of it.
 *
 * @param wish what the look was asked to read.
 */
export function learnSample(
  { history, finished, lineEmptyAtMs, rareReadAtMs, orphansReadAtMs }: QueueKnowledge,
  sample: BacklogSample,
  atMs: Instant,
  wish: BacklogWish = { heads: true, rare: true, orphans: true },
): QueueKnowledge {
  const counters = {
    atMs,
    ready: readyJobs(sample),
    active: sample.active,
    notYetReady: sample.delayed - sample.overdue + sample.waitingChildren,
    ...(sample.addCounter !== undefined && { addCounter: sample.addCounter }),
  };
  const emptyAtMs = sample.waiting + sample.prioritized === 0 ? atMs : lineEmptyAtMs;
  const rareAtMs = wish.rare ? atMs : rareReadAtMs;
  const orphansAtMs = wish.orphans ? atMs : orphansReadAtMs;
  return {
    history: observeQueue(history, counters, finished),
    latest: { sample, atMs },
    ...(emptyAtMs !== undefined && { lineEmptyAtMs: emptyAtMs }),
    ...(rareAtMs !== undefined && { rareReadAtMs: rareAtMs }),
    ...(orphansAtMs !== undefined && { orphansReadAtMs: orphansAtMs }),
  };
}

export function learnFailure(known: QueueKnowledge, failure: string): QueueKnowledge {
  return { ...known, failure };
}

/** Pods that are asked for and cannot work, as the workerpool controller counts them. */
export type BlockedReplicas = NonNullable<WorkerPoolStatus['blockedReplicas']>;

/** What the pool's status says of its pods. */
export interface PoolPods {
  /** The Deployment's spec.replicas. */
  readonly replicas: number;
  readonly blocked?: BlockedReplicas;
}

/** What the policy is to see of a pool: each queue as of its newest look, so that time in which nobody looked is no silence. */
export function observePool(
  pool: ScaledPool,
  { replicas, blocked = {} }: PoolPods,
  knowledge: (id: string) => QueueKnowledge | undefined,
): PoolObservation {
  const { rejected = 0, unschedulable = 0, crashLooping = 0, imageFailing = 0 } = blocked;
  return {
    currentReplicas: replicas,
    queues: pool.queues.map((queue) => observation(queue, knowledge)),
    quotaExhausted: rejected > 0,
    unschedulablePods: unschedulable,
    podsFailing: crashLooping + imageFailing > 0,
  };
}

function observation(queue: PoolQueue, knowledge: (id: string) => QueueKnowledge | undefined): QueueObservation {
  if ('unseen' in queue) return queue;
  const known = knowledge(queue.id);
  if (known?.failure !== undefined || known?.latest === undefined) {
    return { queue: queue.queue, unseen: 'SensorFailed', message: known?.failure ?? 'not looked at yet' };
  }
  return loadOf(queue, known, known.latest);
}

function loadOf(
  { queue, share }: { queue: string; share: number },
  { history, lineEmptyAtMs = -Infinity }: QueueKnowledge,
  { sample, atMs }: { sample: BacklogSample; atMs: Instant },
): QueueLoad {
  const headAge = headAgeMs(sample);
  const { rateLimit, globalConcurrency, orphaned, scheduledSoon = 0 } = sample;
  return {
    queue,
    share,
    sampledAtMs: atMs,
    ready: readyJobs(sample),
    active: sample.active,
    dueSoon: sample.dueSoon + scheduledSoon,
    ...(orphaned !== undefined && { orphaned }),
    paused: sample.paused,
    // No job has been in line since before the line was empty, whatever its producer's clock says.
    ...(headAge !== undefined && { headAgeMs: Math.min(headAge, atMs - lineEmptyAtMs) }),
    ...(rateLimit !== undefined && { rateLimitPerSecond: (rateLimit.max * 1_000) / rateLimit.durationMs }),
    ...(globalConcurrency !== undefined && { globalConcurrency }),
    // As of the look: time in which nobody looked is no silence.
    estimates: estimateQueue(history, atMs),
  };
}

/** Whether it is worth reading what has finished: something ran, or may have run, since the last look. */
export function mayHaveFinished(before: BacklogSample | undefined, now: BacklogSample): boolean {
  // Of queues that never had a job there may be thousands.
  if (before === undefined) return now.active > 0 || now.addCounter !== undefined;
  return (
    now.active > 0 ||
    before.active > 0 ||
    before.addCounter !== now.addCounter ||
    readyJobs(before) !== readyJobs(now) ||
    before.delayed !== now.delayed
  );
}
