import { describe, expect, it } from 'vitest';
import { percentile } from './finished-jobs.ts';
import { aPool } from './fixtures.ts';
import { exponential, simulate, type SimulatedRun } from './simulated-queue.ts';

const MINUTE = 60_000;
const afterMs = (run: SimulatedRun, ms: number) => run.changes.filter(({ atMs }) => atMs >= ms);
const p95 = (run: SimulatedRun, fromMs: number) =>
  percentile(
    run.waits
      .filter(({ atMs }) => atMs >= fromMs)
      .map(({ ms }) => ms)
      .toSorted((a, b) => a - b),
    0.95,
  );

describe('a pool in simulated time', () => {
  it.each([
    [2, 1_000, 1],
    [20, 1_000, 2],
    [50, 3_000, 3],
    [200, 500, 4],
  ])(
    'stays calm at a constant %d jobs/s of %d ms: at most 2 changes in an hour, and the target is kept',
    (rate, serviceMs, seed) => {
      const run = simulate(
        aPool(),
        { arrivalRate: () => rate, serviceTimeMs: exponential(serviceMs), podStartMs: 3_000 },
        70 * MINUTE,
        0,
        seed,
      );
      expect(afterMs(run, 10 * MINUTE).length).toBeLessThanOrEqual(2);
      expect(p95(run, 5 * MINUTE)).toBeLessThanOrEqual(5_000);
      const busiest = (rate * serviceMs) / 1_000 / 10;
      expect(run.replicas).toBeLessThanOrEqual(Math.ceil(busiest * 1.3) + 1);
    },
  );

  it('answers a burst into an empty pool within its second, and goes back to zero in one change', () => {
    const load = {
      arrivalRate: (atMs: number) => (atMs >= MINUTE && atMs < MINUTE + 1_000 ? 1_000 : 0),
      serviceTimeMs: exponential(500),
      podStartMs: 3_000,
    };
    const run = simulate(aPool(), load, 6 * MINUTE, 0, 5);
    expect(run.changes.length).toBeLessThanOrEqual(3);
    expect(run.replicas).toBe(0);
    expect(afterMs(run, MINUTE + 10_000).every(({ from, to }) => to < from)).toBe(true);
  });

  it.each([2, 4, 8])('settles after a step to %d times the load within a minute, without going back', (factor) => {
    const load = {
      arrivalRate: (atMs: number) => (atMs < 10 * MINUTE ? 20 : 20 * factor),
      serviceTimeMs: exponential(1_000),
      podStartMs: 5_000,
    };
    const run = simulate(aPool(), load, 15 * MINUTE, 0, 6);
    const settling = afterMs(run, 10 * MINUTE);
    expect(settling.every(({ from, to }) => to > from)).toBe(true);
    expect(afterMs(run, 11 * MINUTE)).toEqual([]);
    expect(run.replicas * 10).toBeGreaterThan(20 * factor);
    expect(run.replicas * 10).toBeLessThan(20 * factor * 1.5 + 20);
  });

  it('sizes a pool of long jobs by the jobs, not by the moment: 100 jobs of 10 minutes get 100 slots and keep them', () => {
    const load = {
      arrivalRate: (atMs: number) => (atMs === 10_000 ? 1_000 : 0),
      serviceTimeMs: () => 10 * MINUTE,
      podStartMs: 3_000,
    };
    const run = simulate(aPool(), load, 9 * MINUTE, 0, 7);
    const jobs = run.waits.length;
    expect(run.replicas).toBeGreaterThanOrEqual(Math.ceil(jobs / 10));
    expect(run.replicas).toBeLessThanOrEqual(Math.ceil(jobs / 10) * 1.5);
    expect(run.changes.every(({ from, to }) => to > from)).toBe(true);
  });

  it('keeps nothing running for a queue that is empty', () => {
    const run = simulate(aPool(), { arrivalRate: () => 0, serviceTimeMs: () => 1, podStartMs: 0 }, 5 * MINUTE, 8, 8);
    expect(run.changes).toEqual([{ atMs: MINUTE, from: 8, to: 0 }]);
  });
});
