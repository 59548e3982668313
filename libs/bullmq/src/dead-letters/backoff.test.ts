import { Backoffs } from 'bullmq';
import { afterEach, expect, it, vi } from 'vitest';
import { backoffMs, chanceOf, type Backoff } from './backoff.ts';

afterEach(() => void vi.restoreAllMocks());

const BUILT_IN: Backoff[] = [
  { type: 'fixed', delay: 1_500 },
  { type: 'fixed', delay: 1_500, jitter: 0.5 },
  { type: 'exponential', delay: 300 },
  { type: 'exponential', delay: 301, jitter: 1 },
  { type: 'exponential', delay: 300, jitter: 0.25 },
];

it.each(BUILT_IN)('is what BullMQ waits: %o', (backoff) => {
  for (const chance of [0, 0.3, 0.999_999]) {
    vi.spyOn(Math, 'random').mockReturnValue(chance);
    for (let runs = 1; runs < 20; runs++) {
      // Its types ask for a job, which only strategies of the user's own are given.
      const theirs = Backoffs.calculate({ delay: 0, ...backoff }, runs, new Error(), undefined as never);
      expect(backoffMs(backoff, runs, chance)).toBe(theirs);
    }
  }
});

it('is nothing without a backoff, and bounded whatever the options say', () => {
  expect(backoffMs(undefined, 3, 0.5)).toBe(0);
  const year = 365 * 24 * 3_600_000;
  expect(backoffMs({ type: 'exponential', delay: 1_000 }, 1_001, 0.5)).toBe(year);
  expect(backoffMs({ type: 'exponential', delay: 0 }, 2_000, 0.5)).toBe(0);
  expect(backoffMs({ type: 'fixed', delay: -5 }, 1, 0.5)).toBe(0);
  expect(backoffMs({ type: 'fixed', delay: 100, jitter: 40 }, 1, 0.5)).toBe(50);
});

it("takes the delay of a user's own strategy as fixed, and without one waits longer each time", () => {
  expect([1, 2, 3].map((runs) => backoffMs({ type: 'mine', delay: 700 }, runs, 0.5))).toEqual([700, 700, 700]);
  expect([1, 2, 3].map((runs) => backoffMs({ type: 'mine' }, runs, 0.5))).toEqual([1_000, 2_000, 4_000]);
});

it('draws the same chance for the same failure, evenly over all', () => {
  expect(chanceOf('7 1700000000000')).toBe(chanceOf('7 1700000000000'));
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let id = 0; id < 10_000; id++) tenths[Math.floor(chanceOf(`${id} ${1_700_000_000_000 + id}`) * 10)]!++;
  for (const count of tenths) expect(count).toBeGreaterThan(800);
});
