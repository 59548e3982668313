/** Bins in which what was learned of a forecast's worth is half forgotten: ten minutes. */
const HALF_LIFE_BINS = 120;
const RETAINED = 2 ** (-1 / HALF_LIFE_BINS);
/** Fewer bins (weighted) are no evidence. */
const LEAST_BINS = 12;

/** Decaying sums over the bins for which growth was foretold; see `worthOf`. */
export interface Trust {
  readonly bins: number;
  /** Σ foretold growth². */
  readonly foretold: number;
  /** Σ foretold growth · growth that came. */
  readonly both: number;
  /** Σ growth that came². */
  readonly came: number;
}

export const NO_TRUST: Trust = { bins: 0, foretold: 0, both: 0, came: 0 };

/** Takes in one bin: what the average knew when the forecast was made, what was foretold, and what came; jobs a second. */
export function settle(trust: Trust, average: number, foretold: number, actual: number): Trust {
  const growth = Math.max(0, foretold - average);
  const counts = growth > 0;
  return {
    bins: trust.bins * RETAINED + Number(counts),
    foretold: trust.foretold * RETAINED + growth ** 2,
    both: trust.both * RETAINED + growth * (actual - average),
    came: trust.came * RETAINED + (counts ? (actual - average) ** 2 : 0),
  };
}

/**
 * The part of a foretold growth that is to be believed, 0..1: the slope of what came on what was foretold, through the origin (Mincer
 * and Zarnowitz, "The evaluation of economic forecasts", 1969), less its standard error, so that few or noisy figures are worth
 * little. It is also the weight with which mixing forecast and average has had the least squared error (Bates and Granger, 1969).
 */
export function worthOf({ bins, foretold, both, came }: Trust): number {
  if (bins < LEAST_BINS || foretold <= 0) return 0;
  const slope = both / foretold;
  const variance = Math.max(0, came - slope * both) / (bins - 1);
  return Math.min(1, Math.max(0, slope - Math.sqrt(variance / foretold)));
}
