import { poissonArrivals, seededRandom } from '@redis-queue/simulator';
import { describe, expect, it } from 'vitest';
import { AVERAGE } from '@redis-queue/scaling/forecast';
import { comparedMethods, type AnyMethod } from './methods.ts';
import { lastValue } from './last-value.ts';
import { score } from './score.ts';

const BIN_MS = 5_000;
const poisson = (perSecond: number, bins: number): number[] => {
  const counts = Array<number>(bins).fill(0);
  for (const atMs of poissonArrivals(() => perSecond, perSecond, bins * BIN_MS, seededRandom(4)))
    counts[Math.floor(atMs / BIN_MS)]! += 1_000 / BIN_MS;
  return counts;
};
const scoreOf = (method: AnyMethod, rates: readonly number[], steps = 1) =>
  score(method, AVERAGE, rates, BIN_MS, steps);

describe('a score', () => {
  it('of the last value one bin ahead is 1 by definition', () => {
    expect(scoreOf(lastValue, poisson(20, 2_000)).mase).toBeCloseTo(1, 10);
  });

  it('of the mean of Poisson counts is 1/√2: the last value errs by two independent draws', () => {
    const known: AnyMethod = { name: 'known', start: 0, step: () => 0, predict: () => 20 };
    expect(scoreOf(known, poisson(20, 5_000)).mase).toBeCloseTo(Math.SQRT1_2, 1);
  });

  it('has an upper bound that covers what it promises, however the method errs', () => {
    const low: AnyMethod = { name: 'low', start: 0, step: () => 0, predict: () => 10 };
    for (const method of [lastValue, low]) expect(scoreOf(method, poisson(20, 5_000)).coverage).toBeCloseTo(0.9, 1);
  });

  it('counts growth that was seen, and growth that did not come', () => {
    const rates = Array.from({ length: 600 }, (_, bin) => (bin % 100 === 99 ? 100 : 10));
    const oracle: AnyMethod = {
      name: 'oracle',
      start: 0,
      step: (bin) => Number(bin) + 1,
      predict: (bin) => rates[Number(bin)] ?? 0,
    };
    expect(scoreOf(oracle, rates)).toMatchObject({ mase: 0, growthSeen: 1, growthFalse: 0 });
    expect(scoreOf(lastValue, rates).growthSeen).toBeLessThan(0.2);
    expect(scoreOf(lastValue, rates).growthFalse).toBeGreaterThan(0.7);
  });

  it('counts what is not a number', () => {
    const broken: AnyMethod = { name: 'broken', start: 0, step: () => 0, predict: () => Number.NaN };
    expect(scoreOf(broken, poisson(20, 100)).notFinite).toBe(100);
  });
});

describe('methods', () => {
  it('have names of their own and forecast nothing from nothing', () => {
    const methods = comparedMethods(2);
    expect(new Set(methods.map(({ name }) => name)).size).toBe(methods.length);
    for (const method of methods)
      expect(scoreOf(method, Array<number>(200).fill(0), 2)).toMatchObject({ growthFalse: 0 });
  });

  it('see bursts at regular intervals when they know of them', () => {
    const rates = Array.from({ length: 1_500 }, (_, bin) => (bin % 96 === 50 ? 120 : 0));
    const [last, , ...others] = comparedMethods(2).map((method) => scoreOf(method, rates, 2).growthSeen);
    expect(last).toBe(0);
    expect(others.at(-1)).toBeGreaterThan(0.6);
  });
});
