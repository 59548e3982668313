import type { Milliseconds } from '@redis-queue/api';

/** Of one Redis' time, for all its queues together: at 8 us per job it removes 4,000 jobs per second. */
export const CALM_SHARE = 0.03;
/** While jobs are far over their time: 6,000 to 10,000 per second. Workers that saturate Redis lose as much. */
export const LATE_SHARE = 0.08;
const LATE_FROM_MS: Milliseconds = 60_000;

/** The share of a Redis' time that removing may take, by how long the oldest job to be removed is over its time. */
export function shareOfRedis(lateMs: Milliseconds): number {
  return lateMs > LATE_FROM_MS ? LATE_SHARE : CALM_SHARE;
}

/** Every step takes less of Redis; what is measured beyond it, the machine gave to others. */
const LONGEST_STEP_MS: Milliseconds = 10;

/** How long to let others have their turn after a script that took `scriptMs` of Redis. */
export function restMs(scriptMs: Milliseconds, share: number): Milliseconds {
  return Math.min(scriptMs, LONGEST_STEP_MS) * (1 / share - 1);
}
