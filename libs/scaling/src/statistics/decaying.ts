import type { Instant } from '../model/types.ts';

/** The factor by which a weight shrinks in `elapsedMs`. */
export function decay(elapsedMs: number, halfLifeMs: number): number {
  return 2 ** (-Math.max(0, elapsedMs) / halfLifeMs);
}

/** An exponentially weighted rate: events and observed time, both forgotten with the same half-life. */
export interface DecayingRate {
  readonly atMs: Instant;
  readonly events: number;
  readonly observedMs: number;
}

export function startRate(nowMs: Instant): DecayingRate {
  return { atMs: nowMs, events: 0, observedMs: 0 };
}

/** Adds the events of the time since the last call. */
export function addEvents(rate: DecayingRate, events: number, nowMs: Instant, halfLifeMs: number): DecayingRate {
  const elapsedMs = Math.max(0, nowMs - rate.atMs);
  const retained = decay(elapsedMs, halfLifeMs);
  // The interval's own older end is forgotten too: ∫ 2^(−t/h) dt over it. Events are taken as spread evenly over it.
  const fresh = elapsedMs === 0 ? 1 : ((1 - retained) * memoryMs(halfLifeMs)) / elapsedMs;
  return {
    atMs: nowMs,
    events: rate.events * retained + events * fresh,
    observedMs: rate.observedMs * retained + elapsedMs * fresh,
  };
}

/**
 * Events per second. While less than `leastMs` was observed, that is what the events are spread over: a burst in the
 * first moments must not be read as a rate.
 */
export function perSecond(rate: DecayingRate, leastMs: number): number {
  return (rate.events * 1_000) / Math.max(rate.observedMs, leastMs, 1);
}

/** The time over which a decaying rate averages: the integral of its weights. */
export function memoryMs(halfLifeMs: number): number {
  return halfLifeMs / Math.LN2;
}

/** Exponentially weighted moments of a positive quantity. */
export interface DecayingMoments {
  readonly atMs: Instant;
  readonly weight: number;
  readonly sum: number;
  readonly squares: number;
}

export const NO_MOMENTS: DecayingMoments = { atMs: 0, weight: 0, sum: 0, squares: 0 };

/** Adds values that were seen at `nowMs`, each of which counts `weight` times. */
export function addValues(
  moments: DecayingMoments,
  values: readonly number[],
  nowMs: Instant,
  halfLifeMs: number,
  weight = 1,
): DecayingMoments {
  if (values.length === 0) return moments;
  const retained = decay(nowMs - moments.atMs, halfLifeMs);
  return {
    atMs: Math.max(nowMs, moments.atMs),
    weight: moments.weight * retained + weight * values.length,
    sum: moments.sum * retained + weight * values.reduce((sum, value) => sum + value, 0),
    squares: moments.squares * retained + weight * values.reduce((sum, value) => sum + value * value, 0),
  };
}

export function mean({ weight, sum }: DecayingMoments): number {
  return sum / weight;
}

/** Variance divided by the squared mean. */
export function squaredVariation({ weight, sum, squares }: DecayingMoments): number {
  return sum === 0 ? 0 : Math.max(0, (squares * weight) / (sum * sum) - 1);
}
