import { readyJobs, type BacklogSample } from '@redis-queue/bullmq';
import { stretchedMs } from './sampling-budget.ts';

/** The tick: how often a queue with work is looked at. */
export const TICK_MS = 1_000;
/** A queue without work whose pools still have pods: often enough that nothing counts as stale. */
const QUIET_MS = 2_000;
/** A queue whose jobs cannot be started (paused) and whose pools are at zero. */
const STUCK_MS = 5_000;
/** Looks are not put off beyond this, so that nothing gets stale. */
const LONGEST_MS = 8_000;
/** The safety net below wake-ups, for queues at rest. */
export const SAFETY_POLL_MS = 30_000;
/** Looks after a wake-up, so that the size follows a burst while it grows. */
export const WAKE_FOLLOW_UPS_MS = [100, 300, 1_000] as const;

/** What decides how often a queue is looked at. */
export interface Cadence {
  readonly sample: BacklogSample;
  /** All pools of the queue are at zero, and shall be. */
  readonly poolsAtZero: boolean;
  /** A delayed job due within this time counts as load: a pod's start time. */
  readonly podStartMs: number;
  /** Until pods are to be asked for because a burst is expected, ms; absent: none is. */
  readonly untilBurstMs?: number | undefined;
  /** By how much looks are put off to keep within the budget of this Redis; absent or 1: not at all. */
  readonly stretch?: number;
  /** False: nothing tells of new jobs, so that polling has to. */
  readonly wakes?: boolean;
}

/** At rest nobody polls: wake-ups tell of new jobs, and the next delayed job's time is known. */
export function isAtRest({ sample, poolsAtZero, wakes = true }: Cadence): boolean {
  return wakes && poolsAtZero && jobsOf(sample) === 0;
}

/** Until the next look at the queue, in ms. */
export function nextLookMs(cadence: Cadence): number {
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

/** Looks within this time share script calls. */
const LANE_MS = 100;

/**
 * The queue's place on the grid, ms: the same for all queues of a pool, so that it is decided once a tick, and different for
 * different pools, so that thousands of queues load Redis and this process evenly instead of once a second. Pure.
 */
export function phaseOf({ pools }: { readonly pools: readonly string[] }): number {
  let hash = 0;
  for (const character of pools[0] ?? '') hash = (31 * hash + character.codePointAt(0)!) % (SAFETY_POLL_MS / LANE_MS);
  return hash * LANE_MS;
}

/** Due times of polled queues lie on a common grid, so that they share script calls: the next time of it, not before `atMs`. */
export function onGrid(atMs: number, phaseMs: number, periodMs: number = TICK_MS): number {
  const offsetMs = phaseMs % periodMs;
  return Math.ceil((atMs - offsetMs) / periodMs) * periodMs + offsetMs;
}

function jobsOf({ waiting, prioritized, active, overdue, dueSoon, legacyPaused }: BacklogSample): number {
  return waiting + prioritized + active + overdue + dueSoon + legacyPaused;
}
