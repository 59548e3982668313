import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('tokens run out and come back', () => {
  let now = 0;
  const bucket = new TokenBucket(20, () => now);
  const taken = (): number => Array.from({ length: 100 }, () => bucket.take()).filter(Boolean).length;
  expect(taken()).toBe(20);
  now = 500;
  expect(taken()).toBe(10);
  now = 60_000;
  expect(taken()).toBe(20);
});

test('lets 200 through at once and 200 per second after that, and saves up no more', () => {
  let nowMs = 5_000;
  const bucket = new TokenBucket(200, () => nowMs);
  const taken = (): number => Array.from({ length: 1_000 }, () => bucket.take()).filter(Boolean).length;
  expect(taken()).toBe(200);
  expect(taken()).toBe(0);
  nowMs = 5_500;
  expect(taken()).toBe(100);
  nowMs = 600_000;
  expect(taken()).toBe(200);
});
