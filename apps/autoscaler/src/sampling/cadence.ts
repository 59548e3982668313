import { readyJobs, type BacklogSample } from '@redis-queue/bullmq';
import { stretchedMs } from './sampling-budget.ts';

/** The tick: how often a queue with work is sampled. */
export const TICK_MS = 1_000;
/** For a queue without work whose pools still have pods: often enough that nothing counts as stale. */
const QUIET_MS = 2_000;
/** For a queue whose jobs cannot start (it is paused) and whose pools are at zero. */
const STUCK_MS = 5_000;
/** Samples are not put off beyond this, so that nothing becomes stale. */
const LONGEST_MS = 8_000;
/** The safety net below wake-ups, for queues at rest. */
export const SAFETY_POLL_MS = 30_000;
/** Samples after a wake-up, so that the size follows a burst while it grows. */
export const WAKE_FOLLOW_UPS_MS = [100, 300, 1_000] as const;

/** What decides how often a queue is sampled. */
export interface Cadence {
  readonly sample: BacklogSample;
  /** All pools of the queue are at zero and are to stay there. */
  readonly poolsAtZero: boolean;
  /** A delayed job due within this time counts as load: a pod's start time, ms. */
  readonly podStartMs: number;
  /** Until pods have to be requested because a burst is expected, ms; absent: none is expected. */
  readonly untilBurstMs?: number | undefined;
  /** The factor by which samples are put off to keep within the budget of this Redis; absent or 1: not at all. */
  readonly stretch?: number;
  /** False: nothing notifies us of new jobs, so the queue has to be polled. */
  readonly hasWakeUps?: boolean;
}

/** A queue at rest is not polled: wake-ups notify of new jobs, and the due time of the next delayed job is known. */
export function isAtRest({ sample, poolsAtZero, hasWakeUps = true }: Cadence): boolean {
  return hasWakeUps && poolsAtZero && jobsOf(sample) === 0;
}

/** The time until the next sample of the queue, ms. Pure. */
export function untilNextSampleMs(cadence: Cadence): number {
  const { sample, poolsAtZero, podStartMs, untilBurstMs, stretch = 1 } = cadence;
  if (!isAtRest(cadence)) {
    if (poolsAtZero && sample.paused) return STUCK_MS;
    const intervalMs = jobsOf(sample) > 0 || poolsAtZero ? TICK_MS : QUIET_MS;
    return Math.min(LONGEST_MS, stretchedMs(intervalMs, readyJobs(sample) > 0, stretch));
  }
  const { nextDelayedDueMs = Infinity } = sample;
  const untilDueMs = nextDelayedDueMs - podStartMs - sample.redisTimeMs;
  return Math.min(SAFETY_POLL_MS, Math.max(0, Math.min(untilDueMs, untilBurstMs ?? Infinity)));
}

/** Samples due within the same lane share script calls. */
const LANE_MS = 100;

/**
 * The queue's place on the grid, ms: the same for all queues of a pool, so that the pool is decided once per tick, and
 * different for different pools, so that thousands of queues load Redis and this process evenly and not once per
 * second. Pure.
 */
export function phaseOf({ pools }: { readonly pools: readonly string[] }): number {
  let hash = 0;
  for (const character of pools[0] ?? '') hash = (31 * hash + character.codePointAt(0)!) % (SAFETY_POLL_MS / LANE_MS);
  return hash * LANE_MS;
}

/**
 * The first time on the queue's grid that is not before `atMs`. Samples of polled queues are due on a common grid, so
 * that they share script calls. Pure.
 */
export function onGrid(atMs: number, phaseMs: number, periodMs: number = TICK_MS): number {
  const offsetMs = phaseMs % periodMs;
  return Math.ceil((atMs - offsetMs) / periodMs) * periodMs + offsetMs;
}

function jobsOf({ waiting, prioritized, active, overdue, dueSoon, legacyPaused }: BacklogSample): number {
  return waiting + prioritized + active + overdue + dueSoon + legacyPaused;
}
