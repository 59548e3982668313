import type { Instant } from '../model/types.ts';

/**
 * Quantiles of a positive quantity whose past fades: weights in buckets that each are 5 % wider than the one before, as
 * Kubernetes' vertical pod autoscaler stores them (kubernetes/autoscaler,
 * vertical-pod-autoscaler/pkg/recommender/model/aggregations_config.go), so that a quantile is at most 5 % above what
 * was measured, and a hundred buckets hold any history.
 */
export interface DecayingQuantiles {
  /** The time that weights are relative to: instead of all of them fading, newer ones count for more. */
  readonly baseMs: Instant;
  /**
   * Buckets that hold something, ascending; bucket b holds values up to 1.05^b. Arrays, since thousands of pools have
   * some.
   */
  readonly buckets: readonly number[];
  /** Their weights. */
  readonly weights: readonly number[];
}

export const NO_QUANTILES: DecayingQuantiles = { baseMs: 0, buckets: [], weights: [] };

const GROWTH = Math.log(1.05);
/** Smaller values count as this one. */
const SMALLEST = 1e-4;
/** Part of the whole weight below which a bucket is forgotten: one of a day's reports of ten pods after four days. */
const NEGLIGIBLE = 1e-6;
/** Half-lives after which weights are brought down again, long before numbers overflow. */
const MOST_HALF_LIVES = 40;

export function addValue(
  quantiles: DecayingQuantiles,
  value: number,
  weight: number,
  nowMs: Instant,
  halfLifeMs: number,
): DecayingQuantiles {
  const { baseMs, buckets, weights } = rebased(quantiles, nowMs, halfLifeMs);
  const bucket = Math.ceil(Math.log(Math.max(value, SMALLEST)) / GROWTH);
  const counted = weight * 2 ** ((nowMs - baseMs) / halfLifeMs);
  const found = buckets.findIndex((each) => each >= bucket);
  const at = found === -1 ? buckets.length : found;
  if (buckets[at] === bucket) return { baseMs, buckets, weights: weights.with(at, weights[at]! + counted) };
  return { baseMs, buckets: buckets.toSpliced(at, 0, bucket), weights: weights.toSpliced(at, 0, counted) };
}

/** The value that `share` of the weight does not exceed; undefined without data. */
export function quantile({ buckets, weights }: DecayingQuantiles, share: number): number | undefined {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let below = 0;
  let last: number | undefined;
  for (const [at, weight] of weights.entries()) {
    if (weight < NEGLIGIBLE * all) continue;
    below += weight;
    last = Math.exp(buckets[at]! * GROWTH);
    if (below >= share * all) break;
  }
  return last;
}

/** Makes the weights relative to now, from time to time, and drops those that have faded. */
function rebased(quantiles: DecayingQuantiles, nowMs: Instant, halfLifeMs: number): DecayingQuantiles {
  const { baseMs, buckets, weights } = quantiles;
  if (weights.length === 0) return { baseMs: nowMs, buckets, weights };
  const halfLives = (nowMs - baseMs) / halfLifeMs;
  if (halfLives <= MOST_HALF_LIVES) return quantiles;
  const least = NEGLIGIBLE * weights.reduce((sum, weight) => sum + weight, 0);
  const retained = weights.map((weight) => weight >= least);
  return {
    baseMs: nowMs,
    buckets: buckets.filter((_, at) => retained[at]),
    weights: weights.filter((_, at) => retained[at]).map((weight) => weight * 2 ** -halfLives),
  };
}
