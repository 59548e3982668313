import { expect, it } from 'vitest';
import { aPool } from '../fixtures/simulated.ts';
import { afterWarmUp, constant, missShare, production, simulate, workload, type Run } from '../index.ts';

const MINUTE = 60_000;
const PERIOD_MS = 4 * MINUTE;
const BURSTS = 15;
const TARGET_MS = 5_000;

/** 300 jobs of a second every four minutes into a pool at zero. */
function withPodsThatStartIn(podStartMs: number): Run {
  const addedMs = Float64Array.from({ length: BURSTS * 300 }, (_, job) => {
    const burst = Math.floor(job / 300);
    return (burst + 0.5) * PERIOD_MS + (job % 300) * 5;
  });
  const jobs = workload(
    { name: 'every four minutes', durationMs: BURSTS * PERIOD_MS, seed: 1, service: constant(1_000) },
    addedMs,
  );
  const pool = aPool({ concurrency: 4, waitTargetMs: TARGET_MS, burstWindowMs: 15_000 });
  const environment = { concurrency: 4, maxReplicas: 100, podStartMs: constant(podStartMs), seed: 1 };
  return simulate(jobs, production(pool, 1), environment);
}

// The deadline is for a machine that does other things too.
it(
  'a schedule is learned: its sixth burst finds pods that were asked for before it, where pods start too slowly',
  { timeout: 60_000 },
  () => {
    const run = withPodsThatStartIn(8_000);
    expect(missShare(run, TARGET_MS)).toBeGreaterThan(5 / BURSTS - 0.02); // nobody knows of the first five
    expect(missShare(afterWarmUp(run, 5 * PERIOD_MS), TARGET_MS)).toBeLessThan(0.05);
  },
);

it('no pod is asked for before a burst where pods that come with it are in time', { timeout: 60_000 }, () => {
  const run = withPodsThatStartIn(2_000);
  expect(missShare(run, TARGET_MS)).toBeLessThan(0.05);
  const early = run.changes.filter(({ atMs, from, to }) => to > from && atMs % PERIOD_MS < PERIOD_MS / 2);
  expect(early).toEqual([]);
});
