import { describe, expect, test } from 'vitest';
import { bursts, diurnal, merged, modulated, poissonArrivals, ramps, steps } from './arrival-processes.ts';
import { constant, exponential, lognormal, pareto, seededRandom, type Distribution } from './random.ts';

const MINUTE = 60_000;

describe('what chance draws', () => {
  test.each([
    ['exponential', exponential(200), 1],
    ['lognormal', lognormal(200, 1.5), 1.5],
    ['constant', constant(200), 0],
  ] as [string, Distribution, number][])('%s has the mean and the variation it is asked for', (_, draw, variation) => {
    const random = seededRandom(4);
    const values = Array.from({ length: 50_000 }, () => draw(random));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean - 200)).toBeLessThan(6);
    expect(Math.abs(deviation / mean - variation)).toBeLessThan(0.1);
  });

  test('pareto has a heavy tail: one in a hundred exceeds its least value 100^(1/shape) times', () => {
    const random = seededRandom(4);
    const values = Array.from({ length: 50_000 }, () => pareto(300, 1.5)(random));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(100);
    expect(values.filter((value) => value > 100 * 100 ** (1 / 1.5)).length / 500).toBeCloseTo(1, 0.5);
    expect(() => pareto(300, 1)).toThrow(/only above 1/);
  });

  test('arrivals follow their rate, and the same seed gives the same', () => {
    const rate = steps([
      [0, 5],
      [10 * MINUTE, 50],
    ]);
    const draw = () => poissonArrivals(rate, 50, 20 * MINUTE, seededRandom(2));
    const times = draw();
    expect(times).toEqual(draw());
    expect(times).toEqual(times.toSorted());
    const early = times.filter((atMs) => atMs < 10 * MINUTE).length;
    expect(early / 600).toBeCloseTo(5, 0);
    expect((times.length - early) / 600).toBeCloseTo(50, -0.5);
    expect(() => poissonArrivals(rate, 10, 20 * MINUTE, seededRandom(2))).toThrow(/exceeds the most/);
  });

  test('rates between their points', () => {
    const ramp = ramps([
      [0, 10],
      [100, 20],
    ]);
    expect([ramp(0), ramp(50), ramp(100), ramp(900)]).toEqual([10, 15, 20, 20]);
    expect(diurnal(1, 9, 1_000)(500)).toBe(9);
    expect(diurnal(1, 9, 1_000)(250)).toBeCloseTo(5);
  });

  test('a modulated rate takes each of its states, and bursts come when they should', () => {
    const states = [1, 10, 100].map((perSecond) => ({ perSecond, holdMs: 1_000 }));
    const rate = modulated(states, 10 * MINUTE, seededRandom(9));
    const seen = new Set(Array.from({ length: 6_000 }, (_, n) => rate(n * 100)));
    expect([...seen].toSorted((a, b) => a - b)).toEqual([1, 10, 100]);
    const times = merged(bursts([1_000, 9_000], constant(3), 500, 1), Float64Array.of(5_000));
    expect(times.length).toBe(7);
    expect(times[3]).toBe(5_000);
  });
});
