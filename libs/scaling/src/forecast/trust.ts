/** Bins in which what was learned of a forecast's worth is half forgotten: ten minutes. */
const HALF_LIFE_BINS = 120;
const RETAINED = 2 ** (-1 / HALF_LIFE_BINS);
/** Fewer bins (weighted) are no evidence. */
const LEAST_BINS = 12;

/** Decaying sums over the bins for which growth was predicted; see `worthOf`. */
export interface Trust {
  readonly bins: number;
  /** Σ predicted growth². */
  readonly predicted: number;
  /** Σ predicted growth · growth that came. */
  readonly both: number;
  /** Σ growth that came². */
  readonly came: number;
}

export const NO_TRUST: Trust = { bins: 0, predicted: 0, both: 0, came: 0 };

/**
 * Takes in one bin: what the average knew when the forecast was made, what was predicted, and what came; jobs per
 * second.
 */
export function settle(trust: Trust, average: number, predicted: number, actual: number): Trust {
  const growth = Math.max(0, predicted - average);
  const counts = growth > 0;
  return {
    bins: trust.bins * RETAINED + Number(counts),
    predicted: trust.predicted * RETAINED + growth ** 2,
    both: trust.both * RETAINED + growth * (actual - average),
    came: trust.came * RETAINED + (counts ? (actual - average) ** 2 : 0),
  };
}

/**
 * The part of a predicted growth that is to be believed, 0..1: the slope of what came on what was predicted, through
 * the origin (Mincer and Zarnowitz, "The evaluation of economic forecasts", 1969), less its standard error, so that few
 * or noisy figures are worth little. It is also the weight with which mixing forecast and average has had the least
 * squared error (Bates and Granger, 1969).
 */
export function worthOf({ bins, predicted, both, came }: Trust): number {
  if (bins < LEAST_BINS || predicted <= 0) return 0;
  const slope = both / predicted;
  const variance = Math.max(0, came - slope * both) / (bins - 1);
  return Math.min(1, Math.max(0, slope - Math.sqrt(variance / predicted)));
}
