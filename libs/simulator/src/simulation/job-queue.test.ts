import { describe, expect, test } from 'vitest';
import { anEnvironment } from '../fixtures/simulated.ts';
import { constant } from '../loads/random.ts';
import { workload, type Workload } from '../loads/workload.ts';
import { fixedFleet } from '../rivals/fixed-fleet.ts';
import type { PoolView, Scaler } from './scaler.ts';
import { simulate } from './simulate.ts';

const AT_ONCE = anEnvironment({ podStartMs: () => 0 });

function jobsAt(addedMs: readonly number[], serviceMs: number, over: Partial<Workload> = {}): Workload {
  const plan = { name: 'jobs', durationMs: 60_000, seed: 1, service: constant(serviceMs) };
  return { ...workload(plan, Float64Array.from(addedMs)), ...over };
}

/** Looks at the queue of a fixed fleet each second. */
function seen(jobs: Workload, replicas: number, look: (view: PoolView) => unknown): unknown[] {
  const looks: unknown[] = [];
  const scaler: Scaler = {
    ...fixedFleet(replicas),
    tick(view) {
      if (view.nowMs <= jobs.durationMs) looks.push(look(view));
      return { desired: replicas, nextMs: Math.floor(view.nowMs / 1_000) * 1_000 + 1_000 };
    },
  };
  simulate(jobs, scaler, AT_ONCE);
  return looks;
}

describe('what is delayed', () => {
  const jobs = jobsAt([0, 0, 500], 100, { delayMs: Float64Array.of(1_500, 2_500, 0) });

  test('is no load until it is due, and then lies in no line until a worker fetches', () => {
    const looks = seen(jobs, 0, ({ ready, overdue, delayed }) => [ready, overdue, delayed]);
    expect(looks.slice(0, 4)).toEqual([
      [0, 0, 2],
      [1, 0, 2],
      [2, 1, 1],
      [3, 2, 0],
    ]);
  });

  test('has no age at the head of the line before that', () => {
    const only = jobsAt([0], 100, { delayMs: Float64Array.of(1_500) });
    expect(seen(only, 0, (view) => [view.ready, view.headReadyMs()]).slice(1, 4)).toEqual([
      [0, undefined],
      [1, undefined],
      [1, undefined],
    ]);
  });

  test('waits from when it is due', () => {
    expect([...simulate(jobs, fixedFleet(1), AT_ONCE).waitsMs]).toEqual([0, 0, 0]);
  });
});

const ofOneId = (mode: 'simple' | 'throttle' | 'debounce', addedMs: readonly number[], over: Partial<Workload> = {}) =>
  jobsAt(addedMs, 1_000, {
    ...over,
    deduplication: { mode, ttlMs: 2_000, idOf: Uint32Array.from(addedMs, () => 7) },
  });

describe('deduplication', () => {
  test('simple: adds while a job of the id is not done bring none, and count', () => {
    const jobs = ofOneId('simple', [0, 400, 999, 1_001, 1_500]);
    const run = simulate(jobs, fixedFleet(1), AT_ONCE);
    expect(run).toMatchObject({ jobs: 2, completed: 2, neverStarted: 0 });
    expect([...run.startedJobs!]).toEqual([0, 3]);
    expect(seen(jobs, 1, ({ added }) => added).at(3)).toBe(5);
  });

  test('throttle: for as long as it says, done or not', () => {
    const run = simulate(ofOneId('throttle', [0, 1_500, 1_999, 2_001]), fixedFleet(1), AT_ONCE);
    expect([...run.startedJobs!]).toEqual([0, 3]);
  });

  test('debounce: the last add of a row runs once, a delay after it', () => {
    const addedMs = [0, 1_000, 2_500, 9_000];
    const jobs = ofOneId('debounce', addedMs, { delayMs: Float64Array.from(addedMs, () => 2_000) });
    const run = simulate(jobs, fixedFleet(1), AT_ONCE);
    expect(run).toMatchObject({ jobs: 2, completed: 2 });
    expect([...run.startedJobs!]).toEqual([2, 3]);
    expect([...run.startedMs]).toEqual([4_500, 11_000]);
    expect(seen(jobs, 1, ({ added, delayed }) => [added, delayed]).slice(1, 5)).toEqual([
      [2, 1],
      [2, 1],
      [3, 1],
      [3, 1],
    ]);
  });

  test('jobs without an id are not touched', () => {
    const jobs = jobsAt([0, 1, 2], 1_000, { deduplication: { mode: 'simple', idOf: Uint32Array.of(0, 0, 0) } });
    expect(simulate(jobs, fixedFleet(1), AT_ONCE).completed).toBe(3);
  });
});

const limitsBy = (by: 'queue' | 'worker') => [{ fromMs: 0, max: 2, durationMs: 1_000, by }];
const limitedJobs = (by: 'queue' | 'worker') => jobsAt([0, 100, 200, 300, 400], 10, { limits: limitsBy(by) });

describe('a rate limit', () => {
  test('lets so many start in a window, which begins with its first start', () => {
    const { startedMs } = simulate(limitedJobs('queue'), fixedFleet(1), AT_ONCE);
    expect([...startedMs]).toEqual([0, 100, 1_000, 1_000, 2_000]);
  });

  test('is seen where it stands in the queue, and not where its workers have it', () => {
    expect(seen(limitedJobs('queue'), 1, (view) => view.limitPerSecond())[0]).toBe(2);
    expect(seen(limitedJobs('worker'), 1, (view) => view.limitPerSecond())[0]).toBeUndefined();
  });

  test('changes when it is changed', () => {
    const lowered = [...limitsBy('queue'), { fromMs: 1_000, max: 1, durationMs: 1_000, by: 'queue' as const }];
    const { startedMs } = simulate(jobsAt([0, 0, 0, 0, 0], 10, { limits: lowered }), fixedFleet(1), AT_ONCE);
    expect([...startedMs]).toEqual([0, 0, 1_000, 2_000, 3_000]);
  });
});
