import type { ForecastMethod } from '@redis-queue/scaling/forecast';

/** Bins remembered: 43 minutes. */
const BINS = 512;
/** Bins between two searches for a period. */
const SEARCH_EVERY = 12;
/** A period is searched for among these lags, and has to have been seen three times. */
const SHORTEST = 6;
const CYCLES = 3;
/** Correlation from which on a period is believed. */
const LEAST_CORRELATION = 0.3;

interface Seasons {
  /** A ring of the last rates. */
  readonly ring: Float32Array;
  readonly seen: number;
  readonly level: number;
  readonly period?: { readonly bins: number; readonly correlation: number };
}

/**
 * The level, plus the change one period ago, weighted by how far the period is believed (seasonal naïve, Hyndman and
 * Athanasopoulos, 2021, §5.2). The period is learned: the lag with the largest autocorrelation, if that is large (Box
 * and Jenkins, 1970); without a period, exponential smoothing.
 */
export const seasonal: ForecastMethod<Seasons> = {
  name: 'seasonal naïve, learned period',
  start: { ring: new Float32Array(BINS), seen: 0, level: 0 },
  step: (state, rate) => {
    const ring = state.ring.slice();
    ring[state.seen % BINS] = rate;
    const seen = state.seen + 1;
    const level = state.seen === 0 ? rate : state.level + 0.2 * (rate - state.level);
    const period = seen % SEARCH_EVERY === 0 ? findPeriod(ring, seen) : state.period;
    return { ring, seen, level, ...(period && { period }) };
  },
  predict: ({ ring, seen, level, period }, steps) => {
    if (period === undefined) return level;
    const at = (ago: number): number => ring[(((seen - ago) % BINS) + BINS) % BINS]!;
    let ago = period.bins - steps + 1;
    while (ago < 1) ago += period.bins;
    const thenLevel = (at(period.bins - 1) + at(period.bins) + at(period.bins + 1)) / 3;
    return Math.max(0, level + period.correlation * ((at(ago) + at(ago + period.bins)) / 2 - thenLevel));
  },
};

function findPeriod(ring: Float32Array, seen: number): { bins: number; correlation: number } | undefined {
  const n = Math.min(seen, BINS);
  const values = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i] = ring[(seen - n + i) % BINS]!;
  let variance = 0;
  for (let i = 0; i < n; i++) variance += (values[i]! -= sum / n) ** 2;
  let best: { bins: number; correlation: number } | undefined;
  let before = Infinity;
  for (let lag = SHORTEST; lag <= n / CYCLES; lag++) {
    let product = 0;
    for (let i = lag; i < n; i++) product += values[i]! * values[i - lag]!;
    const correlation = variance === 0 ? 0 : (product / variance) * (n / (n - lag));
    const rising = correlation > before;
    before = correlation;
    if (rising && correlation > Math.max(LEAST_CORRELATION, (best?.correlation ?? 0) + 0.02))
      best = { bins: lag, correlation: Math.min(1, correlation) };
  }
  return best;
}
