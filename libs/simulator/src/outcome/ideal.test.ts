import { expect, test } from 'vitest';
import { anEnvironment } from '../fixtures/simulated.ts';
import { constant } from '../loads/random.ts';
import { workload, type Workload } from '../loads/workload.ts';
import { fixedFleet } from '../rivals/fixed-fleet.ts';
import { simulate } from '../simulation/simulate.ts';
import { isAttainable, clairvoyantBound, demandBins, demandedSlots } from './clairvoyant.ts';
import { addedWhenDue, idealRun } from './ideal.ts';

/** 10 jobs of a second per second for 100 s. */
function flow(over: Partial<Workload> = {}): Workload {
  const addedMs = Float64Array.from({ length: 1_000 }, (_, job) => job * 100);
  return { ...workload({ name: 'flow', durationMs: 100_000, seed: 1, service: constant(1_000) }, addedMs), ...over };
}
const limited = (max: number): Workload => flow({ limits: [{ fromMs: 0, max, durationMs: 1_000, by: 'worker' }] });

test('a target is out of reach where the limit is below what comes', () => {
  expect([flow(), limited(20), limited(5)].map((jobs) => isAttainable(jobs, 5_000))).toEqual([true, true, false]);
});

test('what is demanded of a limited or deduplicated queue is what it lets start', () => {
  expect(demandedSlots(limited(5))).toBeCloseTo(5, 0);
  expect(demandBins(limited(5), 0)[50]).toBeCloseTo(5);
  const ofOneId = flow({ deduplication: { mode: 'simple', idOf: new Uint32Array(1_000).fill(1) } });
  expect(demandedSlots(ofOneId)).toBeCloseTo(1, 0);
});

test('a schedule is good for a queue whose target is out of reach when as much starts as can', () => {
  const { best, workPodSeconds } = clairvoyantBound(limited(5), 5_000, anEnvironment({ concurrency: 1 }));
  expect(workPodSeconds).toBeGreaterThan(480);
  expect(best!.podSeconds).toBeGreaterThan(0.9 * workPodSeconds);
  expect(best!.podSeconds).toBeLessThan(1.3 * workPodSeconds);
});

test('the same jobs added when due are those that came, without delay', () => {
  const delayed = flow({ delayMs: Float64Array.from({ length: 1_000 }, (_, job) => (job % 2) * 10_000) });
  const twin = addedWhenDue(delayed, idealRun(delayed));
  expect(twin.delayMs).toBeUndefined();
  expect(twin.addedMs).toEqual(twin.addedMs.toSorted());
  expect(twin.addedMs.at(-1)).toBe(109_900);
  const ofOneId = flow({ deduplication: { mode: 'simple', idOf: new Uint32Array(1_000).fill(1) } });
  const run = simulate(ofOneId, fixedFleet(1), anEnvironment({ podStartMs: () => 0 }));
  expect(addedWhenDue(ofOneId, run).addedMs).toHaveLength(run.jobs);
});
