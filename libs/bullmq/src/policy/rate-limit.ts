import type { RateLimits } from '@redis-queue/api';

/** A fixed window as BullMQ keeps it: at most `max` jobs start within `durationMs` of the window's first. */
export interface RateLimitWindow {
  readonly max: number;
  readonly durationMs: number;
}

export interface EffectiveRateLimit extends RateLimitWindow {
  /** The window's `max` is not the requested burst, because the window would be too short or too long. */
  readonly capped: boolean;
}

/** A change of the limit acts when the running window ends, so windows are kept short. */
export const MAX_WINDOW_MS = 5_000;
/** Shorter windows cost workers more round trips than they smooth. */
export const MIN_WINDOW_MS = 100;

/**
 * The window that holds a rate with a burst. `max` is the burst, brought to where its window lasts 100 ms to 5 s;
 * `durationMs` is then rounded up, so that the rate never exceeds what was requested and falls short by at most 1 %.
 *
 * Guarantee: over any time T at most rate·T + 2·max jobs start, since T touches at most T/duration + 2 windows. Why not
 * the other way round (window first): docs/decisions/0020-rate-limit-window.md.
 */
export function effectiveRateLimit(wanted: RateLimits): EffectiveRateLimit {
  const rate = wanted.maxJobsPerSecond;
  const burst = wanted.burstCapacity ?? rate;
  const fewest = Math.ceil((rate * MIN_WINDOW_MS) / 1000);
  const most = Math.floor((rate * MAX_WINDOW_MS) / 1000);
  const max = Math.min(Math.max(burst, fewest), most);
  return { max, durationMs: Math.ceil((1000 * max) / rate), capped: max !== burst };
}
