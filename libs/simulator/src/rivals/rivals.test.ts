import { describe, expect, test } from 'vitest';
import { anEnvironment, aView, EXPONENTIAL_SECOND, poissonWorkload } from '../fixtures/simulated.ts';
import { missShare } from '../outcome/outcome.ts';
import { simulate } from '../simulation/simulate.ts';
import { AWS_ALARMS, backlogPerWorker } from './backlog-per-worker.ts';
import { fixedFleet } from './fixed-fleet.ts';
import { largestFixedFleet, rivalGrid } from './grid.ts';
import { KPA_DEFAULTS, knativeKpa } from './knative-kpa.ts';

const KPA = { ...KPA_DEFAULTS, concurrency: 10, maxReplicas: 100 };

/** The size after each second of a concurrency that is given; pods are ready at once. */
function kpaSizes(concurrency: (second: number) => number, seconds: number, start = 0): number[] {
  const scaler = knativeKpa(KPA);
  let [replicas, jobMs] = [start, 0];
  return Array.from({ length: seconds }, (_, second) => {
    const nowMs = (second + 1) * 1_000;
    const jobs = concurrency(second);
    jobMs += jobs * 1_000;
    const total = jobMs;
    const view = aView({ nowMs, replicas, readyPods: replicas, ready: replicas === 0 ? jobs : 0, jobMs: () => total });
    replicas = scaler.tick(view).desired ?? replicas;
    return replicas;
  });
}

describe("Knative's pod autoscaler", () => {
  test('keeps concurrency ÷ (70 % of the slots)', () => {
    expect(kpaSizes(() => 70, 120).at(-1)).toBe(10);
  });

  test('panics when the load doubles: grows within seconds and does not shrink for a stable window', () => {
    const sizes = kpaSizes((second) => (second < 120 || second > 140 ? 14 : 140), 260);
    expect(sizes[118]).toBe(2);
    expect(sizes[130]).toBe(20);
    expect(sizes[180]).toBe(20);
    expect(sizes.at(-1)).toBe(2);
  });

  test('a job at zero is answered at once, and zero comes a window and a grace period after the last', () => {
    const sizes = kpaSizes((second) => (second === 5 ? 3 : 0), 200);
    expect(sizes[4]).toBe(0);
    expect(sizes[5]).toBe(1);
    expect(sizes.indexOf(0, 6)).toBeGreaterThanOrEqual(5 + 60 + 29);
    expect(sizes.indexOf(0, 6)).toBeLessThanOrEqual(5 + 60 + 36);
  });

  test('at most halves in one decision', () => {
    const sizes = kpaSizes((second) => (second < 61 ? 700 : 7), 140, 100);
    expect(sizes.at(-1)).toBe(1);
    for (const [second, size] of sizes.slice(1).entries())
      expect(size).toBeGreaterThanOrEqual(Math.floor(sizes[second]! / 2));
  });
});

describe('target tracking on the backlog per worker', () => {
  const settings = { ...AWS_ALARMS, target: 100, minReplicas: 0, maxReplicas: 50 };

  test("AWS' example: 1,500 messages, 10 workers, target 100 → 15 workers, after three minutes above it", () => {
    const scaler = backlogPerWorker(settings);
    const desired = [0, 1, 2].map(
      (minute) => scaler.tick(aView({ nowMs: minute * 60_000, replicas: 10, ready: 1_500 })).desired,
    );
    expect(desired).toEqual([undefined, undefined, 15]);
  });

  test('shrinks only after fifteen minutes below nine tenths of the target', () => {
    const scaler = backlogPerWorker(settings);
    const desired = Array.from(
      { length: 15 },
      (_, minute) => scaler.tick(aView({ nowMs: minute * 60_000, replicas: 10, ready: 500 })).desired,
    );
    expect(desired.slice(0, 14)).toEqual(Array.from({ length: 14 }));
    expect(desired[14]).toBe(5);
  });
});

describe('the grid', { timeout: 60_000 }, () => {
  const tuned = { concurrency: 4, maxReplicas: 100, waitTargetMs: 5_000, meanServiceMs: 1_000, seed: 1 };

  test('every setting has a name of its own and runs', () => {
    const jobs = poissonWorkload(5, EXPONENTIAL_SECOND, 120_000);
    const names = rivalGrid(tuned).map((rival) => simulate(jobs, rival(), anEnvironment()).scaler);
    // What is installed by default is in the grid twice: by name, and as one of its settings.
    expect(new Set(names).size).toBe(names.length - 1);
    expect(names.length).toBeGreaterThan(100);
  });

  test('the largest affordable fixed fleet costs no more than what it is compared with', () => {
    const jobs = poissonWorkload(5, EXPONENTIAL_SECOND, 600_000);
    const run = simulate(jobs, largestFixedFleet(2_450, 600_000)(), anEnvironment());
    expect(run.podSeconds).toBe(2_400);
    expect(missShare(run, 5_000)).toBeLessThanOrEqual(missShare(simulate(jobs, fixedFleet(3), anEnvironment()), 5_000));
  });
});
