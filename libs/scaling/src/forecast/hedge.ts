import type { ForecastMethod } from './method.ts';

/** How much a method that is always the worst loses of its weight in a bin: 1 − e^−½. */
const LEARNING_RATE = 0.5;
/**
 * Part of the weight that is dealt out evenly in each bin, so that a method whose time has come is back within a
 * minute.
 */
const SHARED = 0.02;

export interface Hedged {
  readonly states: readonly unknown[];
  readonly weights: readonly number[];
  /** What each method predicted of the bins to come, the next bin first. */
  readonly pending: readonly (readonly number[])[];
}

/**
 * A weighted mean of methods. Each loses weight by e^(−η·loss), loss being its error as a share of the largest one,
 * once its forecast of `steps` bins ago can be compared with what came: Hedge (Freund and Schapire, "A
 * decision-theoretic generalization of on-line learning", 1997) with a fixed share (Herbster and Warmuth, "Tracking the
 * best expert", 1998).
 */
export function hedge(methods: readonly ForecastMethod<unknown>[], steps: number): ForecastMethod<Hedged> {
  const even = methods.map(() => 1 / methods.length);
  return {
    name: `hedge of ${methods.map(({ name }) => name).join(', ')}`,
    start: { states: methods.map(({ start }) => start), weights: even, pending: [] },
    step: ({ states, weights, pending }, rate) => {
      const next = methods.map((method, n) => method.step(states[n], rate));
      const predicted = methods.map((method, n) => method.predict(next[n], steps));
      return {
        states: next,
        weights: pending.length < steps ? weights : reweigh(weights, pending[0]!, rate),
        pending: [...pending, predicted].slice(-steps),
      };
    },
    predict: ({ states, weights }, ahead) =>
      methods.reduce((sum, method, n) => sum + weights[n]! * method.predict(states[n], ahead), 0),
  };
}

function reweigh(weights: readonly number[], predicted: readonly number[], actual: number): number[] {
  const errors = predicted.map((rate) => Math.abs(rate - actual));
  const worst = Math.max(...errors);
  if (worst === 0) return [...weights];
  const scaled = weights.map((weight, n) => weight * Math.exp((-LEARNING_RATE * errors[n]!) / worst));
  const total = scaled.reduce((sum, weight) => sum + weight, 0);
  return scaled.map((weight) => (1 - SHARED) * (weight / total) + SHARED / weights.length);
}
