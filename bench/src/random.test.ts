import { expect, it } from 'vitest';
import { exponential, seeded, wholeBetween } from './random.ts';

const draw = <T>(count: number, next: () => T): T[] => Array.from({ length: count }, next);

it('the same seed gives the same numbers, another one others', () => {
  expect(draw(5, seeded(7))).toEqual(draw(5, seeded(7)));
  expect(draw(5, seeded(7))).not.toEqual(draw(5, seeded(8)));
});

it('numbers are spread evenly', () => {
  const values = draw(20_000, seeded(1));
  for (const tenth of [0, 0.3, 0.9]) {
    const share = values.filter((value) => value >= tenth && value < tenth + 0.1).length / values.length;
    expect(share).toBeGreaterThan(0.09);
    expect(share).toBeLessThan(0.11);
  }
  const random = seeded(2);
  expect(new Set(draw(1_000, () => wholeBetween(random, 3, 6)))).toEqual(new Set([3, 4, 5, 6]));
});

it('the gaps of a Poisson process have the mean and the deviation of its rate', () => {
  const random = seeded(3);
  const gaps = draw(20_000, () => exponential(random, 50));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  expect(mean).toBeCloseTo(1 / 50, 3);
  expect(deviation).toBeCloseTo(1 / 50, 3);
});
