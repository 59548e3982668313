import {
  emptyHistory,
  estimateQueue,
  observeQueue,
  untilBurstSampleMs,
  type DueJobs,
  type FinishedJobs,
  type QueueHistory,
  type QueueLoad,
} from '@redis-queue/scaling';
import type { PoolView } from '../simulation/scaler.ts';

/** Completed jobs read by one sample; the rest is only counted (MAX_SAMPLED_JOBS, half of it for each set). */
const MOST_READ = 100;
/** The autoscaler's default --pod-start-time: what it takes a pod's start for until it was measured. */
const GUESSED_START_MS = 10_000;
/** How often what is rare is read where there was none, and orphans (queue-knowledge.ts). */
const RARE_EVERY_MS = 5_000;
const ORPHANS_EVERY_MS = 15_000;

/** What is rare, as it was read last. */
interface Rare {
  readonly limitPerSecond?: number | undefined;
  readonly scheduledSoon: number;
  readonly schedulers: boolean;
  readonly orphaned: number;
}

const NOTHING_RARE: Rare = { scheduledSoon: 0, schedulers: false, orphaned: 0 };

/**
 * The sampler of the autoscaler on the simulated queue: libs/bullmq/src/sampling reads, and
 * apps/autoscaler/src/sampling/queue-knowledge.ts remembers. It reads the same numbers at the same times, with the same
 * blind spots. So it must never be told anything that Redis does not know.
 */
export class QueueSensor {
  #history: QueueHistory;
  /** Read after the sample before, for this one. */
  #finished: FinishedJobs | undefined;
  #lineEmptyAtMs = -Infinity;
  #rareReadAtMs = -Infinity;
  #orphansReadAtMs = -Infinity;
  #rare = NOTHING_RARE;
  readonly #waitTargetMs: number;
  /** Delayed jobs due within it are load. */
  readonly podStartMs: number;

  /** @param podStartMs how long pods take to start, as it was measured. */
  constructor(waitTargetMs: number, podStartMs = GUESSED_START_MS) {
    this.#waitTargetMs = waitTargetMs;
    this.podStartMs = podStartMs;
    this.#history = emptyHistory(0, waitTargetMs, podStartMs);
  }

  /** One sample. */
  sample(view: PoolView): Omit<QueueLoad, 'share'> {
    const { nowMs } = view;
    const readsHeads = nowMs - this.#lineEmptyAtMs >= this.#waitTargetMs / 2;
    this.#readRare(view);
    const dueSoon = view.dueWithin(this.podStartMs) + this.#rare.scheduledSoon;
    const dueBy = dueSoon > 0 ? dueJobs(view, this.podStartMs, this.#rare.scheduledSoon) : undefined;
    this.#history = observeQueue(this.#history, { ...countersOf(view), ...(dueBy && { dueBy }) }, this.#finished);
    // LLEN wait and ZCARD prioritized: what is overdue lies in neither until a worker fetches.
    if (view.ready - view.overdue === 0) this.#lineEmptyAtMs = nowMs;
    const headReadyMs = readsHeads ? view.headReadyMs() : undefined;
    const { limitPerSecond, orphaned } = this.#rare;
    return {
      queue: 'simulated',
      sampledAtMs: nowMs,
      ready: view.ready,
      active: view.active,
      // ZCOUNT of the delayed set up to the horizon without what is overdue, and what schedulers will add until then.
      dueSoon,
      ...(dueBy && { dueBy }),
      ...(orphaned > 0 && { orphaned }),
      paused: false,
      // Timestamp plus delay of the job next in line, on one clock; of one that ran before, nothing. No older than the
      // line.
      ...(headReadyMs !== undefined && {
        headAgeMs: Math.min(Math.floor(nowMs - headReadyMs), nowMs - this.#lineEmptyAtMs),
      }),
      // `max` and `duration` in the queue's meta. What its workers limit themselves to is nowhere in Redis.
      ...(limitPerSecond !== undefined && { rateLimitPerSecond: limitPerSecond }),
      estimates: estimateQueue(this.#history, nowMs),
    };
  }

  /**
   * What has finished since, read after the decision for the next one: counted by the completed set, waits as
   * processedOn − timestamp − delay of jobs that were started once, service times as finishedOn − processedOn of the
   * last start. Jobs that fail for good are not simulated.
   */
  readFinished(view: PoolView): void {
    this.#finished = { failed: 0, ...view.takeFinished(MOST_READ) };
  }

  /** When an idle queue has to be sampled because a burst is expected. */
  beforeBurstMs(nowMs: number): number {
    return nowMs + (untilBurstSampleMs(this.#history, nowMs) ?? Infinity);
  }

  /** As `fieldsToRead`: while there was some, while nothing waits or runs, and now and then. */
  #readRare(view: PoolView): void {
    const { nowMs } = view;
    const { limitPerSecond, schedulers, orphaned } = this.#rare;
    const readsOrphans = orphaned > 0 || nowMs - this.#orphansReadAtMs >= ORPHANS_EVERY_MS;
    const had = limitPerSecond !== undefined || schedulers || orphaned > 0;
    const idle = view.ready - view.overdue + view.active === 0;
    if (!had && !idle && !readsOrphans && nowMs - this.#rareReadAtMs < RARE_EVERY_MS) {
      this.#rare = NOTHING_RARE;
      return;
    }
    this.#rareReadAtMs = nowMs;
    if (readsOrphans) this.#orphansReadAtMs = nowMs;
    this.#rare = {
      limitPerSecond: view.limitPerSecond(),
      schedulers: view.hasSchedulers,
      scheduledSoon: view.scheduledWithin(this.podStartMs),
      // Of the oldest hundred active jobs; only a worker brings them back, so that they are the oldest.
      orphaned: readsOrphans ? Math.min(100, view.orphaned) : 0,
    };
  }
}

/**
 * The counters that arrivals and the flow are derived from. `addCounter` is BullMQ's `id`, which grows with every add:
 * delayed ones, those that deduplication refuses or that replace a job, and the runs of job schedulers, but not with
 * retries. `active` counts the jobs of killed pods until a worker has found them. `ready` counts what is overdue.
 */
function countersOf({ nowMs, ready, active, delayed, added }: PoolView): Parameters<typeof observeQueue>[1] {
  // Nobody has added a job yet: there is no counter.
  return { atMs: nowMs, ready, active, notYetReady: delayed, ...(added > 0 && { addCounter: added }) };
}

/** By quarters of the horizon, unless they are few beside the line; runs of schedulers evenly. */
function dueJobs(view: PoolView, horizonMs: number, scheduledSoon: number): DueJobs[] {
  const byQuarter = view.dueWithin(horizonMs) * 4 > view.ready;
  return [0.25, 0.5, 0.75, 1].map((part) => ({
    withinMs: part * horizonMs,
    jobs: (byQuarter || part === 1 ? view.dueWithin(part * horizonMs) : 0) + part * scheduledSoon,
  }));
}
