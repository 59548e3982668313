import { describe, expect, test } from 'vitest';
import { aView, anEnvironment, EXPONENTIAL_SECOND, poissonWorkload } from '../fixtures/simulated.ts';
import { ALLOWED_MISSES, clairvoyantBound } from './clairvoyant.ts';
import { demandSteps, elasticity, elasticSpeedup, supplySteps, type Elasticity } from './elasticity.ts';
import { missShare, reversals } from './outcome.ts';
import { constant } from '../loads/random.ts';
import { fixedFleet } from '../rivals/fixed-fleet.ts';
import { workload } from '../loads/workload.ts';

/** Every error, in proportion. */
function errors(scale: number): Elasticity {
  return {
    underAccuracy: 0.2 * scale,
    overAccuracy: 0.4 * scale,
    underTimeshare: 0.1 * scale,
    overTimeshare: 0.3 * scale,
    instability: 0,
  };
}

describe('elasticity', () => {
  test('a supply that equals the demand is perfect', () => {
    const perfect = elasticity([1, 2, 3, 2], [1, 2, 3, 2]);
    expect(Object.values(perfect)).toEqual([0, 0, 0, 0, 0]);
  });

  test('areas are relative to the demand, timeshares to the time', () => {
    expect(elasticity([2, 2, 4, 4], [1, 3, 4, 8])).toMatchObject({
      underAccuracy: 0.5 / 4,
      overAccuracy: (0.5 + 1) / 4,
      underTimeshare: 1 / 4,
      overTimeshare: 2 / 4,
    });
  });

  test('a step counts as unstable when the supply rises and the demand does not, or stays while the demand falls', () => {
    expect(elasticity([1, 1, 2, 3, 2], [1, 2, 3, 3, 3]).instability).toBe(2 / 4);
  });

  test('half of every error is a speed-up of two', () => {
    expect(elasticSpeedup(errors(1), errors(2))).toBeCloseTo(2, 1);
    expect(elasticSpeedup(errors(1), errors(1))).toBe(1);
  });

  test('demand is what keeps pods busy, supply what is ready in the middle of a step', () => {
    const jobs = workload(
      { name: 'block', durationMs: 40_000, seed: 1, service: constant(10_000) },
      Float64Array.from({ length: 8 }, () => 10_000),
    );
    expect(demandSteps(jobs, 4)).toEqual([0, 2, 0, 0]);
    const supply = [
      { atMs: 0, pods: 0 },
      { atMs: 12_000, pods: 2 },
      { atMs: 26_000, pods: 1 },
    ];
    expect(supplySteps(supply, 4)).toEqual([0, 2, 2, 1]);
  });

  test('a change against the one before is a reversal', () => {
    const changes = [
      { atMs: 0, from: 0, to: 5 },
      { atMs: 1, from: 5, to: 8 },
      { atMs: 2, from: 8, to: 7 },
      { atMs: 3, from: 7, to: 9 },
    ];
    expect(reversals({ changes })).toBe(2);
  });
});

describe('the clairvoyant bound', { timeout: 60_000 }, () => {
  test('keeps the target, costs no less than the work and less than any fixed fleet that keeps it', () => {
    const jobs = poissonWorkload(20, EXPONENTIAL_SECOND, 400_000);
    const { best, workPodSeconds } = clairvoyantBound(jobs, 5_000, anEnvironment());
    expect(missShare(best!, 5_000)).toBeLessThanOrEqual(ALLOWED_MISSES);
    expect(best!.podSeconds).toBeGreaterThan(workPodSeconds);
    expect(best!.podSeconds).toBeLessThan(1.1 * workPodSeconds);
  });

  test('has pods ready when a burst comes that it knew of', () => {
    const jobs = workload(
      { name: 'burst', durationMs: 300_000, seed: 1, service: constant(20_000) },
      Float64Array.from({ length: 40 }, () => 120_000),
    );
    const { best } = clairvoyantBound(jobs, 1_000, anEnvironment());
    expect(missShare(best!, 1_000)).toBeLessThanOrEqual(ALLOWED_MISSES);
    expect(best!.podSeconds).toBeLessThan(2 * (40 / 4) * 20);
  });
});

test('a fixed fleet asks for its size whatever it sees', () => {
  expect(fixedFleet(3).tick(aView({ ready: 1_000 })).desired).toBe(3);
});
