import type { QueueSample } from '@redis-queue/bullmq';

/** The tick: how often a queue with work is looked at. */
export const TICK_MS = 1_000;
/** A queue without work whose pools still have pods: often enough that nothing counts as stale. */
const QUIET_MS = 2_000;
/** A queue whose jobs cannot be started (paused) and whose pools are at zero. */
const STUCK_MS = 5_000;
/** The safety net below wake-ups, for queues at rest. */
export const SAFETY_POLL_MS = 30_000;
/** Looks after a wake-up, so that the size follows a burst while it grows. */
export const WAKE_FOLLOW_UPS_MS = [100, 300, 1_000] as const;

/** What decides how often a queue is looked at. */
export interface Cadence {
  readonly sample: QueueSample;
  /** All pools of the queue are at zero, and shall be. */
  readonly poolsAtZero: boolean;
  /** A delayed job due within this time counts as load: a pod's start time. */
  readonly podStartMs: number;
}

/** At rest nobody polls: wake-ups tell of new jobs, and the next delayed job's time is known. */
export function isAtRest({ sample, poolsAtZero }: Cadence): boolean {
  return poolsAtZero && jobsOf(sample) === 0;
}

/** Until the next look at the queue, in ms. */
export function nextLookMs(cadence: Cadence): number {
  const { sample, poolsAtZero, podStartMs } = cadence;
  if (!isAtRest(cadence)) return poolsAtZero && sample.paused ? STUCK_MS : jobsOf(sample) > 0 ? TICK_MS : QUIET_MS;
  const { nextDelayedDueMs } = sample;
  if (nextDelayedDueMs === undefined) return SAFETY_POLL_MS;
  return Math.min(SAFETY_POLL_MS, Math.max(0, nextDelayedDueMs - podStartMs - sample.redisTimeMs));
}

/** Due times of polled queues lie on a common grid, so that they share script calls. */
export function onGrid(atMs: number): number {
  return Math.ceil(atMs / TICK_MS) * TICK_MS;
}

function jobsOf({ waiting, prioritized, active, overdue, dueSoon, legacyPaused }: QueueSample): number {
  return waiting + prioritized + active + overdue + dueSoon + legacyPaused;
}
