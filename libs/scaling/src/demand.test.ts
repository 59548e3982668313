import { wholeReplicas } from './behavior.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queueDemand } from './demand.ts';
import { aLoad, aPool } from './fixtures.ts';
import { sizePool } from './size.ts';

const replicas = (...loads: ReturnType<typeof aLoad>[]) => wholeReplicas(sizePool(aPool(), loads).demand);

/** Slots for jobs of ten minutes that have come at 10 per second for `lastedMs`, none before. */
function risenFor(lastedMs: number): number {
  const estimates = { serviceTimeMs: 600_000, rise: { ratePerSecond: 10, lastedMs } };
  return queueDemand(aLoad({ active: Math.floor(lastedMs / 100), estimates }), 5_000).steady;
}

describe('the demand of a queue', () => {
  it('is nothing for an idle queue, whatever arrived in the past', () => {
    expect(queueDemand(aLoad({ estimates: { arrivalRate: 20 } }), 5_000).slots).toBe(0);
  });

  it('is at least a pod for a single job', () => {
    expect(replicas(aLoad({ ready: 1 }))).toBe(1);
    expect(replicas(aLoad({ active: 1 }))).toBe(1);
    expect(replicas(aLoad({ dueSoon: 1 }))).toBe(1);
    expect(replicas(aLoad({ estimates: { newArrivals: 1, serviceTimeMs: 1 } }))).toBe(1);
  });

  it('starts a backlog within half of the target, the other half being for pods to start: 1 + t/S jobs per slot', () => {
    expect(queueDemand(aLoad({ ready: 600 }), 5_000).slots).toBeCloseTo(600 / 3.5);
  });

  it('does not count as a line what the steady slots serve until it is due', () => {
    const flowing = { active: 50, estimates: { arrivalRate: 50, arrivalMemoryMs: 43_281 } };
    const every = [2_500, 5_000, 7_500, 10_000].map((withinMs) => ({ withinMs, jobs: withinMs / 20 }));
    const announced = queueDemand(aLoad({ ...flowing, dueSoon: 500, dueBy: every }), 5_000);
    expect(announced.slots).toBe(queueDemand(aLoad(flowing), 5_000).slots);
    expect(announced.backlog).toBe(0);
    const all = every.map(({ withinMs, jobs }) => ({ withinMs, jobs: withinMs < 7_500 ? jobs : jobs + 2_000 }));
    const burst = queueDemand(aLoad({ ...flowing, dueSoon: 2_500, dueBy: all }), 5_000);
    expect(burst.backlog).toBeGreaterThan(1_800);
    expect(burst.backlog).toBeLessThan(2_000);
  });

  it('counts all that is due soon where nothing else comes', () => {
    const dueBy = [{ withinMs: 10_000, jobs: 600 }];
    expect(queueDemand(aLoad({ dueSoon: 600, dueBy }), 5_000).slots).toBeCloseTo(600 / 3.5);
  });

  it('asks for nothing more while the busy slots will work the line off in time, and then for gradually more', () => {
    const flowing = aLoad({ active: 50, estimates: { arrivalRate: 48, arrivalMemoryMs: 43_281 } });
    const slots = (ready: number) => queueDemand({ ...flowing, ready }, 5_000).slots;
    const calm = slots(0);
    expect(slots(100)).toBe(calm);
    expect(slots(130)).toBeGreaterThanOrEqual(calm);
    expect(slots(140) - slots(130)).toBeLessThan(10);
    expect(slots(300)).toBeGreaterThan(120);
  });

  it('asks for more slots than are busy when the head of the line is old, whatever the estimates say', () => {
    const load = { ready: 20, active: 20, estimates: { arrivalRate: 1, serviceTimeMs: 10, arrivalMemoryMs: 43_281 } };
    expect(queueDemand(aLoad({ ...load, headAgeMs: 3_900 }), 5_000).slots).toBe(20);
    expect(queueDemand(aLoad({ ...load, headAgeMs: 5_000 }), 5_000).slots).toBe(25);
    expect(queueDemand(aLoad({ ...load, headAgeMs: 500_000 }), 5_000).slots).toBe(40);
  });

  it('asks for no more slots than jobs when jobs are longer than the target', () => {
    expect(
      queueDemand(aLoad({ ready: 100, estimates: { serviceTimeMs: 3_600_000 } }), 5_000).slots,
    ).toBeLessThanOrEqual(100);
  });

  it('does not count a burst twice, as backlog and as arrivals', () => {
    const seenAsBacklog = queueDemand(aLoad({ ready: 1_000 }), 5_000).slots;
    const seenAsBoth = queueDemand(
      aLoad({ ready: 1_000, estimates: { arrivalRate: 23, arrivalMemoryMs: 43_281 } }),
      5_000,
    ).slots;
    expect(seenAsBoth).toBeCloseTo(seenAsBacklog, 0);
  });

  it('adds the offered load to a backlog when jobs keep coming', () => {
    const load = aLoad({ ready: 600, active: 100, estimates: { arrivalRate: 200, arrivalMemoryMs: 43_281 } });
    expect(queueDemand(load, 5_000).slots).toBeGreaterThan(280);
  });

  it('never takes the slots of running jobs away', () => {
    expect(replicas(aLoad({ active: 95 }))).toBe(10);
  });

  it('asks for a prior of one second per job while none has finished', () => {
    const cold = { ...aLoad({ ready: 600 }), estimates: {} };
    expect(queueDemand(cold, 5_000).slots).toBeCloseTo(600 / 3.5);
  });

  it('ignores the backlog of a paused queue but lets its running jobs finish', () => {
    expect(queueDemand(aLoad({ ready: 1_000, paused: true }), 5_000)).toMatchObject({
      slots: 0,
      cap: { by: 'Paused' },
    });
    expect(queueDemand(aLoad({ ready: 1_000, active: 7, paused: true }), 5_000).slots).toBe(7);
  });

  it('asks for what a rate limit can keep busy: rate · service time and a square root more', () => {
    expect(queueDemand(aLoad({ ready: 100_000, rateLimitPerSecond: 100 }), 5_000)).toMatchObject({
      slots: 110,
      cap: { by: 'RateLimit' },
    });
    expect(queueDemand(aLoad({ ready: 5, rateLimitPerSecond: 100 }), 5_000).cap).toBeUndefined();
  });

  it('asks for no more than the global concurrency', () => {
    expect(queueDemand(aLoad({ ready: 100_000, globalConcurrency: 30 }), 5_000)).toMatchObject({
      slots: 30,
      cap: { by: 'GlobalConcurrency' },
    });
  });

  it('grows for a flow that has just risen, as if that would last as long again twice', () => {
    const risen = { arrivalRate: 10, rise: { ratePerSecond: 100, lastedMs: 4_096 } };
    expect(queueDemand(aLoad({ ready: 350, active: 10, estimates: risen }), 5_000).steady).toBeGreaterThan(100);
    const long = { active: 10, ready: 400, estimates: { ...risen, serviceTimeMs: 600_000, arrivalRate: 0 } };
    expect(queueDemand(aLoad(long), 5_000).steady).toBeCloseTo(410 + 100 * 2 * 4.096);
  });

  it('takes a rise for no more than what waits, runs and may have finished since: refused adds bring nothing', () => {
    const storm = { arrivalRate: 10, rise: { ratePerSecond: 400, lastedMs: 3_000 } };
    expect(queueDemand(aLoad({ active: 10, estimates: storm }), 5_000).slots).toBeLessThan(30);
  });

  it('assesses a risen flow of long jobs again when it has lasted twice as long: its growth comes in few steps', () => {
    expect(risenFor(7_000)).toBeCloseTo(risenFor(4_100), -1);
    expect(risenFor(8_300)).toBeGreaterThan(1.8 * risenFor(7_000));
  });

  it('never orders slots for jobs that do not exist, however long a job is taken to last', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 0, max: 1_000 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 1_000_000_000 }),
        (ready, active, arrivalRate, serviceTimeMs) => {
          const estimates = { arrivalRate, arrivalMemoryMs: 60_000, serviceTimeMs, newArrivals: 1 };
          const { slots } = queueDemand(aLoad({ ready, active, estimates }), 5_000);
          expect(slots).toBeLessThanOrEqual(ready + active + arrivalRate * 60 + 1);
        },
      ),
    );
  });

  it('counts jobs whose worker is gone as jobs to be started: only a worker brings them back', () => {
    const orphans = aLoad({ active: 500, orphaned: 500 });
    expect(queueDemand(orphans, 5_000).slots).toBeCloseTo(queueDemand(aLoad({ ready: 500 }), 5_000).slots);
    expect(replicas(aLoad({ active: 1, orphaned: 1 }))).toBe(1);
  });
});

describe('a flow that has just risen', () => {
  const burst = { serviceTimeMs: 1_200_000, rise: { ratePerSecond: 10, lastedMs: 4_000 }, arrivalRate: 0.05 };

  it('is foreseen for about the start of a pod, however long its jobs may wait', () => {
    const load = aLoad({ ready: 33, active: 4, headAgeMs: 4_000, estimates: burst });
    expect(queueDemand(load, 300_000).slots).toBeLessThan(250);
    expect(queueDemand(load, 3_600_000).slots).toBeLessThan(250);
  });
});

describe('slots that were free beside a line', () => {
  it('take none away that are busy now', () => {
    const line = aLoad({ ready: 4_000, active: 160 });
    expect(queueDemand(line, 30_000, { ceiling: 1 })).toMatchObject({ slots: 160, cap: { by: 'SlotsFree' } });
  });
});

describe('the size of a pool', () => {
  it('sums its queues before rounding', () => {
    expect(replicas(aLoad({ active: 5 }), aLoad({ queue: 'sms', active: 5 }))).toBe(1);
    expect(replicas(aLoad({ active: 95 }), aLoad({ queue: 'sms', active: 95 }))).toBe(19);
  });

  it('follows the depth target where that asks for more', () => {
    const size = sizePool(aPool({ queueDepthTarget: 10 }), [aLoad({ ready: 100, dueSoon: 20 })]);
    expect(size).toMatchObject({ demand: 12, driver: 'depth' });
  });

  it('keeps up with arrivals when only a depth target is given', () => {
    const pool = aPool({ queueDepthTarget: 100 });
    const { waitTargetMs: _, ...depthOnly } = pool;
    expect(sizePool(depthOnly, [aLoad({ active: 1, estimates: { arrivalRate: 100 } })]).demand).toBe(10);
  });

  it('does not let a depth target outgrow what a rate limit can keep busy', () => {
    expect(
      sizePool(aPool({ queueDepthTarget: 10 }), [aLoad({ ready: 100_000, rateLimitPerSecond: 100 })]).demand,
    ).toBeCloseTo(11);
  });

  it('never falls when any load rises', () => {
    const count = fc.integer({ min: 0, max: 5_000 });
    const rate = fc.double({ min: 0, max: 500, noNaN: true });
    fc.assert(
      fc.property(
        count,
        count,
        count,
        rate,
        count,
        rate,
        fc.integer({ min: 1, max: 120_000 }),
        (ready, active, dueSoon, arrivalRate, more, faster, serviceTimeMs) => {
          const estimates = { arrivalRate, serviceTimeMs, arrivalMemoryMs: 43_281, newArrivals: 1 };
          const size = (over: Parameters<typeof aLoad>[0]) =>
            sizePool(aPool(), [
              aLoad({ ready, active, dueSoon, ...over, estimates: { ...estimates, ...over?.estimates } }),
            ]).demand + 1e-6;
          const base = size({}) - 2e-6;
          expect(size({ ready: ready + more })).toBeGreaterThanOrEqual(base);
          // More busy slots work a line off sooner, so less may be asked for than before, but never less than is busy.
          const busy = (active + more) / aPool().concurrency;
          expect(size({ active: active + more })).toBeGreaterThanOrEqual(Math.min(base, busy));
          expect(size({ dueSoon: dueSoon + more })).toBeGreaterThanOrEqual(base);
          expect(size({ estimates: { arrivalRate: arrivalRate + faster } })).toBeGreaterThanOrEqual(base);
        },
      ),
    );
  });
});
