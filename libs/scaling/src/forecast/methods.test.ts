import { describe, expect, it } from 'vitest';
import { autoregression } from './autoregression.ts';
import { hedge } from './hedge.ts';
import { stepsAhead, type ForecastMethod } from './method.ts';
import { smoothing } from './smoothing.ts';

function after<S>(method: ForecastMethod<S>, rates: readonly number[]): S {
  return rates.reduce((state, rate) => method.step(state, rate), method.start);
}
const bins = (n: number, rate: (bin: number) => number): number[] => Array.from({ length: n }, (_, bin) => rate(bin));

const wave = (bin: number): number => 20 + 10 * Math.sin((2 * Math.PI * bin) / 24);

describe('smoothing', () => {
  it('starts at the first rate and then moves by its share', () => {
    const method = smoothing(0.25);
    expect(method.predict(after(method, [8]), 3)).toBe(8);
    expect(method.predict(after(method, [8, 16]), 3)).toBe(10);
  });
});

describe('the autoregression', () => {
  const method = autoregression(3, 0.99);

  it('knows the last rate after one bin', () => {
    expect(method.predict(after(method, [7]), 2)).toBeCloseTo(7);
  });

  it('learns a wave and forecasts its turn', () => {
    const state = after(method, bins(400, wave));
    expect(method.predict(state, 1)).toBeCloseTo(wave(400), 0);
    expect(method.predict(state, 6)).toBeCloseTo(wave(405), 0);
  });

  it('stays finite, and at most twice what was seen, on anything', () => {
    const odd = bins(2_000, (bin) => (bin % 97 === 0 ? 1e6 : bin % 7));
    for (let bin = 1; bin <= odd.length; bin += 113) {
      const predicted = method.predict(after(method, odd.slice(0, bin)), 12);
      expect(predicted).toBeGreaterThanOrEqual(0);
      expect(predicted).toBeLessThanOrEqual(2e6);
    }
  });

  it('does not wind up over an hour of nothing: the first bins after it are still sane', () => {
    const state = after(method, [...bins(720, () => 0), 5, 5, 5]);
    expect(method.predict(state, 2)).toBeLessThanOrEqual(10);
  });
});

describe('the hedge', () => {
  const good: ForecastMethod<number> = { name: 'good', start: 0, step: (_, rate) => rate, predict: (rate) => rate };
  const bad: ForecastMethod<number> = { ...good, name: 'bad', predict: (rate) => rate + 100 };
  const method = hedge([good, bad], 2);

  it('weighs all alike at first and soon only the one that is right', () => {
    expect(method.predict(after(method, [5]), 2)).toBe(55);
    expect(
      method.predict(
        after(
          method,
          bins(60, () => 5),
        ),
        2,
      ),
    ).toBeLessThan(5 + 100 * 0.05);
  });

  it('returns to a method whose time has come within a minute', () => {
    const late: ForecastMethod<number> = { ...bad, predict: (bin) => (bin < 1_000 ? bin + 100 : bin) };
    const early: ForecastMethod<number> = { ...good, predict: (bin) => (bin < 1_000 ? bin : bin + 100) };
    const both = hedge([early, late], 1);
    const turned = after(both, [...bins(500, () => 500), ...bins(16, () => 1_500)]);
    expect(both.predict(turned, 1)).toBeLessThan(1_500 + 20);
  });

  it('does not change its mind where all are equally right', () => {
    const same = hedge([good, { ...good }], 1);
    expect(
      after(
        same,
        bins(50, () => 3),
      ).weights,
    ).toEqual([0.5, 0.5]);
  });
});

it('a horizon ends in the bin that contains it', () => {
  expect([0, 3_000, 5_000, 5_001, 10_000, 60_000].map(stepsAhead)).toEqual([1, 1, 1, 2, 2, 12]);
});
