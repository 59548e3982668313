import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { addValue, NO_QUANTILES, quantile, type DecayingQuantiles } from './quantiles.ts';

const HOUR = 3_600_000;
const add = (quantiles: DecayingQuantiles, value: number, atMs = 0): DecayingQuantiles =>
  addValue(quantiles, value, 1, atMs, HOUR);
const of = (values: readonly number[]): DecayingQuantiles =>
  values.reduce((all, value) => add(all, value), NO_QUANTILES);

it('gives a quantile that is at most 5 % too high', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length - 1e-9) - 1]!;
        const estimate = quantile(of(values), share)!;
        expect(estimate).toBeGreaterThanOrEqual(exact * 0.999);
        expect(estimate).toBeLessThanOrEqual(exact * 1.051);
      },
    ),
  );
});

it('knows nothing without data', () => {
  expect(quantile(NO_QUANTILES, 0.5)).toBeUndefined();
});

it('lets the past fade by half in each half-life, also over hundreds of them', () => {
  const hundred = Array.from({ length: 100 }).reduce<DecayingQuantiles>((all) => add(all, 10), NO_QUANTILES);
  expect(quantile(add(hundred, 1_000, HOUR), 0.95)).toBeLessThan(11);
  expect(quantile(add(hundred, 1_000, 12 * HOUR), 0.5)).toBeGreaterThan(999);
  let all = hundred;
  for (let hour = 1; hour <= 2_000; hour++) all = add(all, 5, hour * HOUR);
  expect(quantile(all, 1)).toBeLessThan(6);
  expect(all.weights.every(Number.isFinite)).toBe(true);
  expect(all.buckets).toHaveLength(1);
});

it('remembers one high value among a day of others', () => {
  let all = add(NO_QUANTILES, 500);
  for (let n = 0; n < 20_000; n++) all = add(all, 100, (n * HOUR) / 20_000);
  expect(quantile(all, 1)).toBeGreaterThan(499);
});
