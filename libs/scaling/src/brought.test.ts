import { expect, it } from 'vitest';
import { observeBrought, jobsPerAdd, type Brought, type JobCounts } from './brought.ts';

const HALF_LIFE_MS = 30_000;

/** Samples once a second for so long. */
function watch(seconds: number, serviceTimeMs: number, counts: (second: number) => JobCounts): Brought {
  let brought: Brought | undefined;
  for (let second = 0; second <= seconds; second++)
    brought = observeBrought(brought, counts(second), {
      nowMs: second * 1_000,
      halfLifeMs: HALF_LIFE_MS,
      serviceTimeMs,
    });
  return brought!;
}

const shareOf = (serviceTimeMs: number, counts: (second: number) => JobCounts, seconds = 120): number =>
  jobsPerAdd(watch(seconds, serviceTimeMs, counts), serviceTimeMs);

it('each add brings a job where as many finish as are added, whatever they take', () => {
  expect(shareOf(1_000, () => ({ added: 20, ready: 0, active: 20 }))).toBe(1);
  expect(shareOf(10_000, () => ({ added: 20, ready: 3, active: 200 }))).toBe(1);
  // short jobs are seen in one of many samples
  expect(shareOf(10, (second) => ({ added: 1, ready: 0, active: second % 100 === 50 ? 1 : 0 }))).toBe(1);
});

it('each add brings a job while none can have finished yet', () => {
  expect(shareOf(600_000, (second) => ({ added: 10, ready: 0, active: 10 * second }))).toBe(1);
  expect(shareOf(1_000, (second) => ({ added: 50, ready: 30 * second, active: 20 }))).toBe(1);
});

it('8,720 adds of one deduplication id that run 87 jobs, one at a time, bring a hundredth of a job each', () => {
  expect(shareOf(10_000, () => ({ added: 10, ready: 0, active: 1 }))).toBeCloseTo(0.01, 3);
});

it('adds that bring no job at all count for none', () => {
  expect(shareOf(1_000, () => ({ added: 40, ready: 0, active: 0 }))).toBe(0);
});

it('retries that no add has announced count as jobs, where jobs are short against what is remembered', () => {
  expect(shareOf(1_000, () => ({ added: 40, ready: 0, active: 60 }))).toBeGreaterThan(1.2);
  expect(shareOf(30_000, () => ({ added: 2, ready: 0, active: 90 }))).toBe(1);
});

it('a few adds say nothing', () => {
  expect(shareOf(1_000, () => ({ added: 1, ready: 0, active: 0 }), 15)).toBe(1);
});

it('is continuous between a flow without duplicates and one of little else', () => {
  const shares = Array.from({ length: 40 }, (_, n) => shareOf(1_000, () => ({ added: 40, ready: 0, active: 40 - n })));
  expect(shares[0]).toBe(1);
  expect(shares.at(-1)).toBeCloseTo(1 / 40, 2);
  const steps = shares.slice(1).map((share, n) => shares[n]! - share);
  expect(Math.max(...steps)).toBeLessThan(0.12);
});

it('a line from which somebody removed jobs was not deduplicated', () => {
  expect(
    shareOf(1_000, (second) => ({ added: 20, ready: second < 100 ? 10 * second : 0, active: 10 })),
  ).toBeGreaterThan(0.6);
});
