import { expect, test } from 'vitest';
import { DelayedJobs } from './delayed-jobs.ts';

test('delayed jobs are counted by when they are due', () => {
  const delayed = new DelayedJobs();
  for (const dueMs of [30, 10, 20, 20]) delayed.add(dueMs);
  expect([delayed.dueUntil(9), delayed.dueUntil(20), delayed.dueUntil(99)]).toEqual([0, 3, 4]);
  delayed.removeFirst();
  expect([delayed.size, delayed.nextMs(), delayed.dueUntil(20)]).toEqual([3, 20, 2]);
});
