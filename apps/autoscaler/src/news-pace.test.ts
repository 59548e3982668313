import { expect, it } from 'vitest';
import { NewsPace } from './news-pace.ts';

const taken = (pace: NewsPace, nowMs: number): number =>
  Array.from({ length: 1_000 }, () => pace.take(nowMs)).filter(Boolean).length;

it('lets 200 through at once and 200 a second after that, and saves up no more', () => {
  const pace = new NewsPace();
  expect(taken(pace, 5_000)).toBe(200);
  expect(taken(pace, 5_000)).toBe(0);
  expect(taken(pace, 5_500)).toBe(100);
  expect(taken(pace, 600_000)).toBe(200);
});
