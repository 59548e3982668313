import { describe, expect, test } from 'vitest';
import { aPool, anEnvironment, poissonWorkload } from '../fixtures/simulated.ts';
import { poissonArrivals, steps } from '../loads/arrival-processes.ts';
import { afterWarmUp, missShare, reversals } from '../outcome/outcome.ts';
import { production } from './production.ts';
import { constant, exponential, seededRandom } from '../loads/random.ts';
import type { Run } from '../simulation/run.ts';
import { simulate } from '../simulation/simulate.ts';
import { workload, type Workload } from '../loads/workload.ts';

const MINUTE = 60_000;
const TARGET_MS = 5_000;
const POOL = aPool({ waitTargetMs: TARGET_MS, burstWindowMs: 15_000 });
const ENVIRONMENT = anEnvironment({ concurrency: 10 });

const run = (jobs: Workload, seed: number): Run => simulate(jobs, production(POOL, seed), ENVIRONMENT);
const bulk = (name: string, atMs: number, n: number, serviceMs: number, durationMs: number): Workload =>
  workload(
    { name, durationMs, seed: 1, service: constant(serviceMs) },
    Float64Array.from({ length: n }, (_, job) => atMs + job),
  );

// The deadline is for a machine that does other things too.
describe('the production policy in simulated time', { timeout: 60_000 }, () => {
  test.each([
    [2, 1_000, 1],
    [20, 1_000, 2],
    [50, 3_000, 3],
    [200, 500, 4],
  ])(
    'stays calm at a constant %d jobs/s of %d ms: at most 2 changes in an hour, no way back, and the target is kept',
    (rate, serviceMs, seed) => {
      const whole = run(poissonWorkload(rate, exponential(serviceMs), 70 * MINUTE, seed), seed);
      const settled = afterWarmUp(whole, 10 * MINUTE);
      expect(settled.changes.length).toBeLessThanOrEqual(2);
      expect(reversals(settled)).toBe(0);
      expect(missShare(settled, TARGET_MS)).toBeLessThan(0.01);
      const pods = (rate * serviceMs) / 1_000 / ENVIRONMENT.concurrency;
      expect(whole.podSeconds / (70 * 60)).toBeLessThanOrEqual(Math.ceil(pods * 1.15) + 1);
    },
  );

  test('a burst into an empty pool starts in time, and the pool is at zero a little more than a window after it', () => {
    const result = run(bulk('burst', MINUTE, 1_000, 500, 6 * MINUTE), 5);
    expect(missShare(result, TARGET_MS)).toBe(0);
    expect(result.changes.at(-1)).toMatchObject({ to: 0 });
    expect(result.changes.at(-1)!.atMs).toBeLessThan(3 * MINUTE);
    expect(reversals(result)).toBe(1);
  });

  test.each([2, 4, 8])(
    'a step to %d times the load settles within two minutes, give or take one pod, with one way back',
    (factor) => {
      const rate = steps([
        [0, 20],
        [10 * MINUTE, 20 * factor],
      ]);
      const addedMs = poissonArrivals(rate, 20 * factor, 15 * MINUTE, seededRandom(6));
      const plan = { name: 'step', durationMs: 15 * MINUTE, seed: 6, service: exponential(1_000) };
      const result = run(workload(plan, addedMs), 6);
      const settling = afterWarmUp(result, 10 * MINUTE);
      expect(missShare(settling, TARGET_MS)).toBeLessThan(0.05);
      expect(reversals(settling)).toBeLessThanOrEqual(1);
      const late = settling.changes.filter(({ atMs }) => atMs > 12 * MINUTE);
      expect(late.every(({ from, to }) => Math.abs(to - from) === 1)).toBe(true);
      expect(late.length).toBeLessThanOrEqual(1);
      const slots = settling.changes.at(-1)!.to * ENVIRONMENT.concurrency;
      expect(slots).toBeGreaterThanOrEqual(20 * factor);
      expect(slots).toBeLessThan(20 * factor * 1.3 + 20);
    },
  );

  // Jobs of a minute cannot be seen to come in seconds: a few per minute cannot separate 4 times the load from chance.
  test.each([
    [100, 5, 3],
    [1_000, 20, 3],
    [10_000, 20, 3],
    [60_000, 20, 3],
  ])(
    'jobs of %d ms on %d slots: a step to 2, 4 or 8 times the load is answered by at most %d growths, and taken back in as few',
    (serviceMs, slots, growths) => {
      const before = (slots * 1_000) / serviceMs;
      const stepMs = Math.max(5 * MINUTE, 10 * serviceMs);
      for (const factor of [2, 4, 8]) {
        const durationMs = stepMs + 3 * MINUTE;
        const rate = steps([
          [0, before],
          [stepMs, before * factor],
        ]);
        const addedMs = poissonArrivals(rate, before * factor, durationMs, seededRandom(factor));
        const plan = { name: 'step', durationMs, seed: 11, service: exponential(serviceMs) };
        const settling = afterWarmUp(run(workload(plan, addedMs), 11), stepMs);
        const changes = settling.changes.filter(({ atMs }) => atMs < durationMs);
        const grown = changes.filter(({ from, to }) => to > from).length;
        expect(grown, `growths at ${factor} times the load`).toBeLessThanOrEqual(growths);
        expect(changes.length - grown, `shrinks at ${factor} times the load`).toBeLessThanOrEqual(growths);
        expect(missShare(settling, TARGET_MS)).toBeLessThan(0.05);
      }
    },
  );

  test('a pool of long jobs is sized by the jobs, not by the moment: 100 jobs of 10 minutes get 100 slots and keep them', () => {
    const result = run(bulk('long', 10_000, 100, 10 * MINUTE, 9 * MINUTE), 7);
    const peak = Math.max(...result.changes.map(({ to }) => to));
    expect(peak).toBeGreaterThanOrEqual(10);
    expect(peak).toBeLessThanOrEqual(15);
    expect(result.changes.filter(({ to, atMs }) => to < 10 && atMs > 20_000 && atMs < 9 * MINUTE)).toEqual([]);
  });

  test('keeps nothing running for a queue that is empty, and is not woken by nothing', () => {
    const result = run(bulk('one', 5 * MINUTE, 1, 1_000, 10 * MINUTE), 8);
    expect(result.changes.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(result.waitsMs[0]).toBeLessThan(3_100);
  });

  test('has pods ready when delayed jobs fall due', () => {
    const jobs = {
      ...bulk('delayed', MINUTE, 200, 1_000, 6 * MINUTE),
      delayMs: Float64Array.from({ length: 200 }, () => 2 * MINUTE),
    };
    const result = run(jobs, 9);
    expect(missShare(result, TARGET_MS)).toBe(0);
    expect(result.changes[0]!.atMs).toBeLessThan(3 * MINUTE - 5_000);
  });

  test('has pods ready when delayed jobs fall due that take half a minute to start, once that was measured', () => {
    const jobs = {
      ...bulk('delayed', MINUTE, 200, 1_000, 6 * MINUTE),
      delayMs: Float64Array.from({ length: 200 }, () => 2 * MINUTE),
    };
    const slow = { ...ENVIRONMENT, podStartMs: constant(30_000) };
    const missed = (podStartMs?: number) => missShare(simulate(jobs, production(POOL, 9, podStartMs), slow), TARGET_MS);
    expect([missed(), missed(31_000)]).toEqual([1, 0]);
  });
});
