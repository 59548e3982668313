/**
 * A method that forecasts arrivals from the past, one bin after another. Rates are jobs per second; `steps` counts bins
 * of `BIN_MS`, so that 1 is the bin after the last one seen.
 */
export interface ForecastMethod<State> {
  readonly name: string;
  /** What it knows before the first bin. */
  readonly start: State;
  step(state: State, rate: number): State;
  /** The rate expected of the bin that is `steps` ahead; never negative. */
  predict(state: State, steps: number): number;
}

/**
 * Length of the bins that are forecast: short against a pod's start, long enough that chance does not drown a flow of
 * one job per second.
 */
export const BIN_MS = 5_000;

/** Bins to forecast ahead for a horizon: the bin in which it ends. */
export function stepsAhead(horizonMs: number): number {
  return Math.max(1, Math.ceil(horizonMs / BIN_MS));
}
