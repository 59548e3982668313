import type { Instant } from '../model/types.ts';

/** Bursts remembered: enough for four of each of a few schedules. */
const MOST_BURSTS = 16;
/** A smaller excess of jobs is no burst worth a pod of its own. */
const LEAST_JOBS = 10;
/** Standard deviations of a Poisson count that a burst exceeds what is usual by. */
const SURPRISE = 6;
/** What is usual is counted over this time. */
const USUAL_OVER_MS = 5_000;
/** A rate up to this multiple of the usual one adds nothing to the sum. */
const SLACK = 1.5;
/** A burst is over when this long no more than usual has come. */
const QUIET_MS = 5_000;
/** A sample after a longer time says nothing about when the jobs came, except that it was woken by them. */
const LONGEST_LOOK_MS = 1_000;

export interface Burst {
  /** When its first jobs came. */
  readonly atMs: Instant;
  /** Jobs that came above the usual rate. */
  readonly jobs: number;
  /** Over which they came: 0 of those that are added at once. */
  readonly lastsMs: number;
}

/** Follows bulk adds among the arrivals of a queue. */
export interface BurstWatch {
  /** The cumulative sum; 0 when nothing unusual goes on. */
  readonly excess: number;
  /** Since when it has not been 0, and the jobs above the usual rate since then. */
  readonly sinceMs: Instant;
  readonly jobs: number;
  readonly firstExcessMs: Instant;
  readonly lastExcessMs: Instant;
  /** The excess is a burst: it is the last of `bursts`. */
  readonly inBurst: boolean;
  /** Newest last. */
  readonly bursts: readonly Burst[];
}

export const NO_BURSTS: BurstWatch = {
  excess: 0,
  sinceMs: 0,
  jobs: 0,
  firstExcessMs: 0,
  lastExcessMs: 0,
  inBurst: false,
  bursts: [],
};

/**
 * Finds bursts by a cumulative sum of what exceeds the usual rate and half of it (Page, "Continuous inspection
 * schemes", Biometrika 41, 1954), which crosses a bound that chance does not reach.
 *
 * @param usualRate jobs per second, as it was before this sample.
 */
export function watchBursts(
  watch: BurstWatch,
  { events, elapsedMs, usualRate }: { events: number; elapsedMs: number; usualRate: number },
  nowMs: Instant,
): BurstWatch {
  const usual = (usualRate * elapsedMs) / 1_000;
  const above = events - SLACK * usual;
  if (isOver(watch, above, nowMs)) return watch.excess === 0 ? watch : { ...watch, excess: 0, jobs: 0, inBurst: false };
  const begins = watch.excess === 0;
  const sinceMs = begins ? Math.max(nowMs - elapsedMs, nowMs - LONGEST_LOOK_MS) : watch.sinceMs;
  const jobs = watch.jobs + (above > 0 ? events - usual : 0);
  const excess = Math.max(Number.MIN_VALUE, watch.excess + above);
  const bound = Math.max(LEAST_JOBS, SURPRISE * Math.sqrt((usualRate * USUAL_OVER_MS) / 1_000));
  const inBurst = watch.inBurst || excess > bound;
  const firstExcessMs = begins ? nowMs : watch.firstExcessMs;
  const lastExcessMs = above > 0 ? nowMs : watch.lastExcessMs;
  // Jobs that are added at once may be seen by two samples.
  const lastsMs = Math.max(0, lastExcessMs - firstExcessMs - LONGEST_LOOK_MS);
  const earlier = watch.inBurst ? watch.bursts.slice(0, -1) : watch.bursts;
  return {
    excess,
    sinceMs,
    jobs,
    firstExcessMs,
    lastExcessMs,
    inBurst,
    bursts: inBurst ? [...earlier, { atMs: sinceMs, jobs, lastsMs }].slice(-MOST_BURSTS) : watch.bursts,
  };
}

/** Nothing unusual goes on: a burst has been quiet for a while, or what might have become one has come to nothing. */
function isOver(watch: BurstWatch, above: number, nowMs: Instant): boolean {
  if (above > 0) return false;
  return watch.inBurst ? nowMs - watch.lastExcessMs > QUIET_MS : watch.excess + above <= 0;
}
