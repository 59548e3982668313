import { describe, expect, test } from 'vitest';
import { erlangC } from '@redis-queue/scaling';
import { aPool, anEnvironment, EXPONENTIAL_SECOND, poissonWorkload } from '../fixtures/simulated.ts';
import { afterWarmUp, waitPercentile } from '../outcome/outcome.ts';
import { production } from '../production/production.ts';
import { constant, lognormal } from '../loads/random.ts';
import { fixedFleet } from '../rivals/fixed-fleet.ts';
import type { Scaler } from './scaler.ts';
import type { Run } from './run.ts';
import { simulate } from './simulate.ts';
import { offeredLoad, workload } from '../loads/workload.ts';

const MINUTE = 60_000;
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

// The deadline is for a machine that does other things too.
describe('the simulator', { timeout: 60_000 }, () => {
  test.each([
    [4, 0.7],
    [4, 0.9],
    [20, 0.85],
    [40, 0.9],
  ])('agrees with Erlang C: %d slots, %d of them busy', (slots, busy) => {
    const load = slots * busy;
    const jobs = poissonWorkload(load, EXPONENTIAL_SECOND, 80_000_000 / load, slots);
    const environment = anEnvironment({ concurrency: slots, podStartMs: () => 0 });
    const result = afterWarmUp(simulate(jobs, fixedFleet(1), environment), MINUTE);
    const delayed = result.waitsMs.filter((ms) => ms > 0).length / result.waitsMs.length;
    const expected = erlangC(slots, load);
    expect(Math.abs(delayed / expected - 1)).toBeLessThan(0.2);
    expect(Math.abs(mean(result.waitsMs) / ((expected * 1_000) / (slots - load)) - 1)).toBeLessThan(0.2);
  });

  test('agrees with Pollaczek and Khinchine: one slot and jobs that all last the same wait half as long as exponential ones', () => {
    const jobs = poissonWorkload(0.8, constant(1_000), 1_000 * MINUTE);
    const result = simulate(jobs, fixedFleet(1), anEnvironment({ concurrency: 1, podStartMs: () => 0 }));
    expect(mean(result.waitsMs) / 2_000).toBeGreaterThan(0.9);
    expect(mean(result.waitsMs) / 2_000).toBeLessThan(1.1);
  });

  test('is the same for the same seed, and another for another', () => {
    expect(run(7)).toEqual(run(7));
    expect(run(8).waitsMs).not.toEqual(run(7).waitsMs);
  });

  test('loses and doubles no job, however the size moves, with delays, priorities and retries', () => {
    const addedMs = poissonWorkload(10, EXPONENTIAL_SECOND, 20 * MINUTE).addedMs;
    const jobs = workload(
      {
        name: 'all kinds',
        durationMs: 20 * MINUTE,
        seed: 3,
        service: lognormal(2_000, 1.5),
        delayed: { share: 0.3, delay: () => 45_000 },
        priorities: [0, 1, 3],
        failing: { share: 0.3, attempts: 4, backoffMs: 2_000 },
      },
      addedMs,
    );
    const retries = jobs.failures!.reduce((sum, failed) => sum + failed, 0);
    const result = simulate(jobs, flapping(), anEnvironment());
    expect(retries).toBeGreaterThan(1_000);
    expect(result).toMatchObject({ jobs: addedMs.length, completed: addedMs.length, neverStarted: 0 });
    expect(result.waitsMs.length).toBe(addedMs.length + retries);
    expect(result.waitsMs.every((ms) => ms >= 0)).toBe(true);
  });

  test('counts a pod from its creation until it has drained', () => {
    const jobs = workload({ name: 'one', durationMs: 60_000, seed: 1, service: constant(20_000) }, Float64Array.of(0));
    const upThenDown: Scaler = {
      ...fixedFleet(1),
      tick: ({ nowMs }) => ({ desired: nowMs < 10_000 ? 2 : 0, nextMs: nowMs + 10_000 }),
    };
    // Two pods for 10 s, then the busy one alone until its job, started after 3 s, is done at 23 s.
    expect(simulate(jobs, upThenDown, anEnvironment()).podSeconds).toBe(20 + 13);
  });

  test.each([
    ['least-work', 10 * 2 + 50],
    ['newest', 60 + 30],
  ] as const)('lets go of the pod that the scaler names: %s', (victims, podSeconds) => {
    // The older pod is idle when the size shrinks, the newer one runs a job until 30 s.
    const jobs = {
      ...workload({ name: 'two', durationMs: 60_000, seed: 1, service: constant(0) }, Float64Array.of(0, 0)),
      serviceMs: Float64Array.of(5_000, 30_000),
    };
    const scaler = { ...shrinkTo1At10s(), victims };
    const environment = anEnvironment({ concurrency: 1, podStartMs: () => 0 });
    expect(simulate(jobs, scaler, environment).podSeconds).toBe(podSeconds);
  });

  test('serves by priority, and first come first served within one', () => {
    const service = constant(1_000);
    const jobs = {
      ...workload({ name: 'order', durationMs: 10_000, seed: 1, service }, Float64Array.of(0, 1, 2, 3, 4)),
      priority: Uint8Array.of(5, 5, 1, 0, 1),
    };
    const result = simulate(jobs, fixedFleet(1), anEnvironment({ concurrency: 1, podStartMs: () => 100 }));
    const order = [3, 2, 4, 0, 1];
    const expected = order.map((job, place) => 100 + place * 1_000 - job);
    expect([...result.waitsMs]).toEqual(expected);
  });

  test('gives up on a pool that never gets a pod, and counts its jobs as never started', () => {
    const result = simulate(poissonWorkload(1, EXPONENTIAL_SECOND, MINUTE), fixedFleet(0), anEnvironment());
    expect(result.neverStarted).toBe(result.jobs);
    expect(result.completed).toBe(0);
  });

  test('knows the load that a workload offers', () => {
    const jobs = poissonWorkload(20, EXPONENTIAL_SECOND, 60 * MINUTE);
    expect(offeredLoad(jobs)).toBeGreaterThan(19);
    expect(offeredLoad(jobs)).toBeLessThan(21);
    expect(waitPercentile(simulate(jobs, fixedFleet(10), anEnvironment()), 0.5)).toBe(0);
  });
});

/** A run in which chance decides arrivals, service times, pod starts and when samples come. */
function run(seed: number): Run {
  return simulate(
    poissonWorkload(10, lognormal(1_000, 1), 3 * MINUTE, seed),
    production(aPool({ concurrency: 4 }), seed),
    anEnvironment({ seed, podStartMs: lognormal(3_000, 0.3) }),
  );
}

function flapping(): Scaler {
  return {
    ...fixedFleet(1),
    tick: ({ nowMs }) => ({ desired: Math.floor(nowMs / 7_000) % 12, nextMs: nowMs + 7_000 }),
  };
}

function shrinkTo1At10s(): Scaler {
  return {
    ...fixedFleet(2),
    tick: ({ nowMs }) => ({ desired: nowMs < 10_000 ? 2 : 1, nextMs: nowMs + 10_000 }),
  };
}
