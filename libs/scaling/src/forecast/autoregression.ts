import type { ForecastMethod } from './method.ts';

interface Regression {
  /** The last rates, newest first. */
  readonly lags: readonly number[];
  readonly weights: readonly number[];
  /** The inverse of the weighted correlation of the regressors, row by row. */
  readonly inverse: readonly number[];
}

/**
 * AR(p) with a constant, its coefficients followed by recursive least squares that forget with factor λ (Ljung and
 * Söderström, "Theory and Practice of Recursive Identification", 1983, §2.6). Several steps ahead by iteration.
 */
export function autoregression(order: number, forget: number): ForecastMethod<Regression> {
  const size = order + 1;
  const predict = ({ lags, weights }: Regression, steps: number): number => {
    const past = [...lags];
    while (past.length < order) past.push(past.at(-1) ?? 0);
    const most = 2 * Math.max(1, ...past); // An unstable root must not run away.
    for (let step = 0; step < steps; step++) {
      const next = dot(weights, [1, ...past.slice(0, order)]);
      past.unshift(Math.min(most, Math.max(0, next)));
    }
    return past[0]!;
  };
  return {
    name: `AR(${order}) λ=${forget}`,
    start: {
      lags: [],
      weights: Array.from({ length: size }, (_, n) => (n === 0 ? 0 : 1 / order)),
      inverse: Array.from({ length: size * size }, (_, n) => (n % (size + 1) === 0 ? 1 : 0)),
    },
    step: ({ lags, weights, inverse }, rate) => {
      const seen = [rate, ...lags].slice(0, order);
      if (lags.length < order) return { lags: seen, weights, inverse };
      const x = [1, ...lags];
      const gain = rows(inverse, size).map((row) => dot(row, x));
      const scale = forget + dot(x, gain);
      const error = rate - dot(weights, x);
      const trace = inverse.reduce((sum, value, n) => sum + (n % (size + 1) === 0 ? value : 0), 0);
      // Without excitation the inverse would grow without bound ("wind-up"): then nothing is forgotten.
      const keep = trace > 100 ? 1 : forget;
      return {
        lags: seen,
        weights: weights.map((weight, n) => weight + (gain[n]! * error) / scale),
        inverse: inverse.map((value, n) => (value - (gain[Math.floor(n / size)]! * gain[n % size]!) / scale) / keep),
      };
    },
    predict,
  };
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n]! * b[n]!;
  return sum;
}

function rows(matrix: readonly number[], size: number): number[][] {
  return Array.from({ length: size }, (_, row) => matrix.slice(row * size, (row + 1) * size));
}
