import { describe, expect, test } from 'vitest';
import { anEnvironment, poissonWorkload } from '../fixtures/simulated.ts';
import { constant, exponential } from '../loads/random.ts';
import { workload, type Workload } from '../loads/workload.ts';
import { fixedFleet } from '../rivals/fixed-fleet.ts';
import type { PoolView, Scaler } from './scaler.ts';
import { simulate } from './simulate.ts';

const MINUTE = 60_000;

function bulk(jobs: number, serviceMs: number, durationMs = 60 * MINUTE): Workload {
  return workload({ name: 'bulk', durationMs, seed: 1, service: constant(serviceMs) }, new Float64Array(jobs));
}

/** Sizes by the time, each from its time on; what it sees is kept. */
function sizes(...levels: readonly (readonly [fromMs: number, replicas: number])[]): Scaler & { seen: unknown[] } {
  const seen: unknown[] = [];
  return {
    ...fixedFleet(0),
    seen,
    tick(view: PoolView) {
      seen.push([view.replicas, view.readyPods, view.unschedulablePods(), view.crashLoopingPods(), view.orphaned]);
      return { desired: levels.findLast(([fromMs]) => view.nowMs >= fromMs)![1], nextMs: view.nowMs + 10_000 };
    },
  };
}

describe('a drain', () => {
  const environment = anEnvironment({ concurrency: 1, podStartMs: () => 0 });

  test('that is too short hands its jobs back, and what they had done is thrown away', () => {
    const run = simulate(bulk(1, 20 * MINUTE), sizes([0, 1], [MINUTE, 0], [15 * MINUTE, 1]), environment);
    // Asked to stop after 1 min; 5 s before the end of the 10 min they go back, and begin again after 15.
    expect(run).toMatchObject({ completed: 1, discardedMs: 11 * MINUTE - 5_000, usefulMs: 20 * MINUTE });
    expect([...run.startedMs]).toEqual([0, 15 * MINUTE]);
    expect(run.podSeconds).toBe(11 * 60 - 5 + 45 * 60);
  });

  test('that is long enough throws nothing away', () => {
    expect(simulate(bulk(1, 5 * MINUTE), sizes([0, 1], [MINUTE, 0]), environment).discardedMs).toBe(0);
    const patient = { ...environment, maxDrainMs: 60 * MINUTE };
    expect(simulate(bulk(1, 20 * MINUTE), sizes([0, 1], [MINUTE, 0]), patient).discardedMs).toBe(0);
  });

  test('hands back in the order of the starts, before what waits', () => {
    const wide = { ...environment, concurrency: 2 };
    const run = simulate(bulk(3, 20 * MINUTE), sizes([0, 1], [MINUTE, 0], [15 * MINUTE, 2]), wide);
    expect(run.completed).toBe(3);
    expect([...run.waitsMs].map((ms) => ms > 10 * MINUTE)).toEqual([false, false, false, false, true]);
  });
});

describe('bad pods', () => {
  test('never become ready, are reported once they have ended twice, and are the first to go', () => {
    const scaler = sizes([0, 20], [5 * MINUTE, 10]);
    const environment = anEnvironment({ podStartMs: () => 8_000, badPods: 0.5, seed: 3 });
    simulate(bulk(1_000, 60_000), scaler, environment);
    const [, young, old] = scaler.seen as number[][];
    const [replicas, ready, , looping] = old!;
    expect(young![3]).toBe(0);
    expect([replicas, ready! + looping!]).toEqual([20, 20]);
    expect(looping).toBeGreaterThan(4);
    const shrunk = (scaler.seen as number[][]).at(32)!;
    expect(shrunk[1]! + shrunk[3]!).toBe(10);
    expect(shrunk[3]).toBe(Math.max(0, 10 - ready!));
  });
});

describe('nodes', () => {
  const nodes = { podsPerNode: 4, standing: 1, startMs: constant(2 * MINUTE) };

  test('come when pods have none, which cost nothing until then', () => {
    const scaler = sizes([0, 6]);
    const run = simulate(bulk(10, 1_000, 10 * MINUTE), scaler, anEnvironment({ podStartMs: () => 0, nodes }));
    const looks = scaler.seen as number[][];
    expect(looks.slice(1, 12).every(([, ready, pending]) => ready === 4 && pending === 2)).toBe(true);
    expect(looks.slice(13, 60).every(([, ready, pending]) => ready === 6 && pending === 0)).toBe(true);
    expect(run.podSeconds).toBe(4 * 600 + 2 * 480);
  });

  test('that become empty are there for ten minutes, and then have to come anew', () => {
    const scaler = sizes([0, 6], [5 * MINUTE, 4], [10 * MINUTE, 6], [12 * MINUTE, 4], [30 * MINUTE, 6]);
    simulate(bulk(10, 1_000), scaler, anEnvironment({ podStartMs: () => 0, nodes }));
    const looks = scaler.seen as number[][];
    expect(looks.at(61)).toEqual([6, 6, 0, 0, 0]);
    expect(looks.at(181)).toEqual([6, 4, 2, 0, 0]);
    expect(looks.at(193)).toEqual([6, 6, 0, 0, 0]);
  });

  test('a pod that waits for one is let go before any that runs, and another takes the room of one that ends', () => {
    const scaler = sizes([0, 6], [20_000, 5], [40_000, 4]);
    simulate(bulk(10, 1_000), scaler, anEnvironment({ podStartMs: () => 0, nodes }));
    expect(scaler.seen.slice(2, 6)).toEqual([
      [6, 4, 2, 0, 0],
      [5, 4, 1, 0, 0],
      [5, 4, 1, 0, 0],
      [4, 4, 0, 0, 0],
    ]);
  });
});

describe('spot', () => {
  const spot = { lifeMs: exponential(5 * MINUTE), noticeMs: 30_000 };

  test('pods that are taken away are replaced, and no job is lost', () => {
    const jobs = poissonWorkload(2, exponential(20_000), 30 * MINUTE);
    const run = simulate(jobs, fixedFleet(15), anEnvironment({ spot }));
    expect(run.completed).toBe(run.jobs);
    expect(run.lostMs).toBeGreaterThan(0);
    expect(run.discardedMs).toBe(0);
    expect(run.changes).toHaveLength(1);
  });

  test('a job whose node is gone stays active until its lock has ended and a worker searches: 20 to 28 s', () => {
    const once = { lifeMs: constant(60_000), noticeMs: 30_000 };
    const jobs = bulk(1, 20 * MINUTE, 3 * MINUTE);
    const run = simulate(jobs, fixedFleet(1), anEnvironment({ concurrency: 1, podStartMs: () => 0, spot: once }));
    expect(run.startedMs[0]).toBe(0);
    expect(run.startedMs[1]).toBeGreaterThanOrEqual(110_000);
    expect(run.startedMs[1]).toBeLessThanOrEqual(118_000);
  });
});

test('two pools serve one queue, each sized by its own scaler', () => {
  const pools = [
    { scaler: sizes([0, 2]), fromMs: 0 },
    { scaler: sizes([0, 3]), fromMs: 5 * MINUTE },
  ];
  const run = simulate(bulk(1_000, 10_000, 10 * MINUTE), pools, anEnvironment({ podStartMs: () => 0 }));
  expect(run.completed).toBe(1_000);
  expect(run.podSeconds).toBe(2 * 600 + 3 * 300);
  expect(run.changes).toEqual([
    { atMs: 0, from: 0, to: 2, pool: 0 },
    { atMs: 5 * MINUTE, from: 0, to: 3, pool: 1 },
  ]);
  expect(run.supply.at(-1)).toMatchObject({ pods: 5 });
});
