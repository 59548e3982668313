import { array, assert, nat, property } from 'fast-check';
import { expect, test } from 'vitest';
import { estimateSize, WEIGHED_STATES, type SizeSample, type WeighedJobs } from './size-estimate.ts';

const NONE: WeighedJobs = { count: 0, weighed: 0, bytes: 0, squares: 0 };

function sample(states: Partial<SizeSample['states']>, ownBytes = 0): SizeSample {
  const all = Object.fromEntries(WEIGHED_STATES.map((state) => [state, NONE])) as SizeSample['states'];
  return { ownBytes, states: { ...all, ...states } };
}
function weighed(sizes: readonly number[], count: number): WeighedJobs {
  return {
    count,
    weighed: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    squares: sizes.reduce((sum, size) => sum + size ** 2, 0),
  };
}

test('the mean of each state counts for all its jobs, beside what the queue itself uses', () => {
  const { bytes, completedBytes, failedBytes } = estimateSize(
    sample({ completed: weighed([100, 300], 1_000), failed: weighed([50], 10), wait: weighed([7], 1) }, 3),
  );
  expect([bytes, completedBytes, failedBytes]).toEqual([200_510, 200_000, 500]);
});

test('a state of which all jobs were weighed has no error, and an empty queue none at all', () => {
  expect(estimateSize(sample({ failed: weighed([1, 1_000], 2) }))).toMatchObject({ bytes: 1_001, standardError: 0 });
  expect(estimateSize(sample({}))).toMatchObject({ bytes: 0, standardError: 0 });
});

test('one job of many says nothing of the others: the error is as large as the estimate', () => {
  const { bytes, standardError } = estimateSize(sample({ completed: weighed([500], 1_000_000) }));
  expect(standardError / bytes).toBeCloseTo(1);
});

test('the error is that of a mean of so many jobs: over many samples two thirds are within it', () => {
  // A mixture as queues have it: most jobs small, some a hundred times as large.
  const jobs = Array.from({ length: 2_000 }, (_, index) => (index % 10 === 0 ? 100_000 : 1_000 + index));
  const truth = jobs.reduce((sum, size) => sum + size, 0);
  const within: boolean[] = [];
  assert(
    property(array(nat({ max: jobs.length - 1 }), { minLength: 64, maxLength: 64 }), (picked) => {
      const sizes = picked.map((index) => jobs[index]!);
      const { bytes, standardError } = estimateSize(sample({ completed: weighed(sizes, jobs.length) }));
      within.push(Math.abs(bytes - truth) <= standardError);
    }),
    { numRuns: 500, seed: 1 },
  );
  const share = within.filter(Boolean).length / within.length;
  expect(share).toBeGreaterThan(0.55);
  expect(share).toBeLessThan(0.8);
});
