import type { ServerPressure } from '@redis-queue/bullmq';
import { CpuShare } from './cpu-share.ts';

/** Of one core of a Redis: what all sampling of its queues together may take. */
export const SAMPLING_BUDGET = 0.03;
/**
 * Aimed at, of the time that scripts run: to take calls in and send the answers costs Redis a fifth as much again where fifty queues
 * share a call, and two fifths where ten do.
 */
const AIM = 0.7 * SAMPLING_BUDGET;
/** A quieter Redis is not looked at twice as often at once: the next measurement would show too much again. */
const MOST_RELAXED = 0.5;
/** Looks at queues that nobody waits in are put off up to so many times their interval before others are. */
export const CALM_STRETCH = 8;
/** Looks at queues with a line are put off up to so many times their interval; beyond, the budget is not kept. */
export const URGENT_STRETCH = 5;

/**
 * Keeps sampling within its budget: measures what scripts that only read took of a Redis, which is our sampling and nothing
 * else's, and puts looks off by as much as that is too much. No I/O.
 */
export class SamplingBudget {
  #stretch = 1;
  #share: number | undefined;
  readonly #scripts = new CpuShare();

  /** The server told how long scripts ran since it began. */
  told({ readScriptMs }: ServerPressure, atMs: number): void {
    const share = this.#scripts.since(readScriptMs, atMs);
    if (share === undefined) return;
    this.#share = share;
    this.#stretch = nextStretch(this.#stretch, share);
  }

  /** By how much looks are put off; 1: not at all. See `stretchedMs`. */
  get stretch(): number {
    return this.#stretch;
  }

  /** Of one core of the Redis, over the last measurement; undefined before the first. */
  get share(): number | undefined {
    return this.#share;
  }
}

/**
 * The stretch that would have made `share` the share aimed at. As the cost is one over the time between looks, it settles in two
 * or three steps. Pure.
 */
export function nextStretch(stretch: number, share: number): number {
  const next = stretch * Math.max(share / AIM, MOST_RELAXED);
  return Math.min(Math.max(next, 1), CALM_STRETCH * URGENT_STRETCH);
}

/** The time until the next look under this stretch: what can wait is put off first, and what has a line only after that. Pure. */
export function stretchedMs(intervalMs: number, hasLine: boolean, stretch: number): number {
  const factor = hasLine ? stretch / CALM_STRETCH : Math.min(stretch, CALM_STRETCH);
  return intervalMs * Math.max(1, factor);
}
