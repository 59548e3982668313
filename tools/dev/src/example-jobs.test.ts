import { expect, it } from 'vitest';
import { exampleJobs } from './example-jobs.ts';

it('makes jobs of different lengths, some of which fail once and few always', () => {
  const jobs = exampleJobs(200, 'r');
  expect(new Set(jobs.map(({ data }) => data.sendMs)).size).toBe(10);
  expect(Math.max(...jobs.map(({ data }) => data.sendMs))).toBe(1000);
  expect(jobs.filter(({ data }) => data.failures === 1)).toHaveLength(8);
  expect(jobs.filter(({ data }) => data.failures === -1)).toHaveLength(2);
});
