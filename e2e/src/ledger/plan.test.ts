import { describe, expect, it } from 'vitest';
import { DEMO_BURST, planBurst, plannedJobs } from './plan.ts';

let seed = 1;
const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;

describe('the burst of the demo', () => {
  const burst = planBurst('run', DEMO_BURST, random);
  const jobs = plannedJobs(burst);

  it('is at least 3,000 jobs, each with an id of its own', () => {
    expect(jobs.length + burst.schedule.runs).toBeGreaterThanOrEqual(3_000);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length);
    expect(jobs.every(({ id, opts }) => opts.jobId === id)).toBe(true);
  });

  it('has every form that BullMQ offers', () => {
    expect(new Set(jobs.flatMap(({ opts }) => Object.keys(opts)))).toEqual(
      new Set(['jobId', 'lifo', 'delay', 'priority', 'attempts', 'backoff']),
    );
    expect(new Set(burst.bulk.map(({ opts }) => opts.priority))).toEqual(
      new Set([undefined, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    );
    expect(burst.flows.every(({ children }) => children?.length === 3)).toBe(true);
  });

  it('plans only those to fail that fail every attempt', () => {
    expect(jobs.filter(({ ending }) => ending === 'failed')).toHaveLength(DEMO_BURST.failing);
    expect(jobs.filter(({ data }) => data.failures === -1)).toHaveLength(DEMO_BURST.failing);
  });

  it('has jobs of mixed length around the mean', () => {
    const mean = jobs.reduce((sum, { data }) => sum + data.sendMs, 0) / jobs.length;
    expect(mean).toBeGreaterThan(DEMO_BURST.meanSendMs * 0.9);
    expect(mean).toBeLessThan(DEMO_BURST.meanSendMs * 1.1);
    expect(Math.max(...jobs.map(({ data }) => data.sendMs))).toBeGreaterThan(3 * DEMO_BURST.meanSendMs);
  });
});
