import type { ForecastMethod } from '@redis-queue/scaling/forecast';

/** The share of bins that the upper bound should cover. */
export const COVERAGE = 0.9;
/** How fast the upper bound learns: per bin, in standard deviations of a Poisson count. */
const BOUND_STEP = 0.1;
/** Bins before which nothing is judged: every method may learn for five minutes. */
const WARM_UP_BINS = 60;

/**
 * How well one method forecast one series at one horizon; out of sample, as each forecast is made before its bin is
 * seen.
 */
export interface Score {
  /** Mean absolute scaled error: in mean errors of the last value one bin ahead (Hyndman and Koehler, 2006). */
  readonly mase: number;
  /**
   * Pinball loss of the upper bound at `COVERAGE`, in the same unit: too little costs nine times what too much does.
   */
  readonly pinball: number;
  /** Share of the bins within the upper bound. */
  readonly coverage: number;
  /** Of the growth above what the sizing's own average knew, the share that was forecast. */
  readonly growthSeen: number;
  /** Growth that was forecast and did not come, as a share of the growth that came. */
  readonly growthFalse: number;
  /** Bins that were forecast. */
  readonly n: number;
  /** Forecasts that were not a number; they count as 0. */
  readonly notFinite: number;
}

/**
 * Scores `method` on rates of equal bins, `steps` bins ahead. The upper bound is the same machine for all: the mean
 * plus q standard deviations of a Poisson count, q following its own misses (quantile tracking: Angelopoulos, Candès
 * and Tibshirani, 2023).
 *
 * @param average what the sizing knows without a forecast.
 */
export function score<S, A>(
  method: ForecastMethod<S>,
  average: ForecastMethod<A>,
  rates: readonly number[],
  binMs: number,
  steps: number,
): Score {
  const pending: { mean: number; upper: number; spread: number; average: number }[] = [];
  const sums = { error: 0, pinball: 0, covered: 0, scale: 0, growth: 0, seen: 0, wrong: 0, n: 0, notFinite: 0 };
  let [state, known, quantile] = [method.start, average.start, 1.3];
  rates.forEach((actual, bin) => {
    const made = pending.length === steps ? pending.shift() : undefined;
    if (made !== undefined) {
      const covered = actual <= made.upper;
      quantile += BOUND_STEP * (covered ? COVERAGE - 1 : COVERAGE);
      if (bin > WARM_UP_BINS) {
        const short = actual - made.upper;
        sums.n++;
        sums.error += Math.abs(actual - made.mean);
        sums.pinball += Math.max(COVERAGE * short, (COVERAGE - 1) * short);
        sums.covered += Number(covered);
        sums.scale += Math.abs(actual - rates[bin - 1]!);
        const [growth, forecast] = [actual, made.mean].map((rate) => Math.max(0, rate - made.average));
        sums.growth += growth!;
        sums.seen += Math.min(growth!, forecast!);
        sums.wrong += Math.max(0, forecast! - growth!);
      }
    }
    state = method.step(state, actual);
    known = average.step(known, actual);
    const predicted = method.predict(state, steps);
    const mean = Number.isFinite(predicted) ? predicted : 0;
    sums.notFinite += Number(!Number.isFinite(predicted));
    const spread = Math.sqrt((Math.max(mean, 1_000 / binMs) * 1_000) / binMs);
    pending.push({ mean, spread, upper: mean + quantile * spread, average: average.predict(known, steps) });
  });
  const scale = Math.max(sums.scale, 1e-9);
  return {
    mase: sums.error / scale,
    pinball: sums.pinball / scale,
    coverage: sums.covered / Math.max(1, sums.n),
    growthSeen: sums.seen / Math.max(sums.growth, 1e-9),
    growthFalse: sums.wrong / Math.max(sums.growth, 1e-9),
    n: sums.n,
    notFinite: sums.notFinite,
  };
}
