import { expect, it } from 'vitest';
import { seededRandom, wholeBetween } from './random.ts';

it('whole numbers are drawn from the least to the most, both included', () => {
  const random = seededRandom(2);
  const drawn = Array.from({ length: 1_000 }, () => wholeBetween(random, 3, 6));
  expect(new Set(drawn)).toEqual(new Set([3, 4, 5, 6]));
});
