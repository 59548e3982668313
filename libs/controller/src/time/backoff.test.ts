import { expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

it('doubles to its bound, never beyond with all of the jitter, and starts over', () => {
  const least = new Backoff({ minMs: 800, maxMs: 30_000, jitter: 1 }, () => 0);
  const waits = Array.from({ length: 8 }, () => least.nextMs());
  expect(waits).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  least.reset();
  expect(least.nextMs()).toBe(800);
  const most = new Backoff({ minMs: 800, maxMs: 30_000, jitter: 1 }, () => 0.999_999);
  for (let step = 0; step < 2_000; step++) expect(most.nextMs()).toBeLessThanOrEqual(60_000);
});
