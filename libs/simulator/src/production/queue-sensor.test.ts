import { describe, expect, test } from 'vitest';
import { aView } from '../fixtures/simulated.ts';
import type { PoolView } from '../simulation/scaler.ts';
import { QueueSensor } from './queue-sensor.ts';

/** What a sensor of a pool with a target of 4 s says of each of these moments. */
function samples(...moments: (Partial<PoolView> & { nowMs: number })[]) {
  const sensor = new QueueSensor(4_000);
  return moments.map((moment) => {
    const load = sensor.sample(aView({ added: 1, ...moment }));
    sensor.readFinished(aView(moment));
    return load;
  });
}

describe('the sensor', () => {
  test('reads the head of a line that may have waited for half of the target, and takes it for no older than the line', () => {
    const line = { ready: 5, active: 1, headReadyMs: () => 0 };
    const loads = samples({ nowMs: 9_000 }, { nowMs: 10_000, ...line }, { nowMs: 11_500, ...line });
    expect(loads.map(({ headAgeMs }) => headAgeMs)).toEqual([undefined, undefined, 2_500]);
  });

  test('finds no head while all that is ready is overdue', () => {
    const overdue = { ready: 5, overdue: 5, headReadyMs: () => undefined };
    const [first, second] = samples({ nowMs: 1_000, ...overdue }, { nowMs: 9_000, ...overdue });
    expect([first!.ready, second!.ready, second!.headAgeMs]).toEqual([5, 5, undefined]);
  });

  test('notices a limit that is set on a queue at work within 5 s, and knows it from then on', () => {
    const busy = { active: 1 };
    const limited = { ...busy, limitPerSecond: () => 3 };
    const loads = samples(
      { nowMs: 0, ...busy },
      { nowMs: 1_000, ...limited },
      { nowMs: 4_000, ...limited },
      { nowMs: 5_000, ...limited },
      { nowMs: 6_000, ...limited },
    );
    expect(loads.map(({ rateLimitPerSecond }) => rateLimitPerSecond)).toEqual([undefined, undefined, undefined, 3, 3]);
  });

  test('looks for active jobs without a lock every 15 s, and while there are some', () => {
    const lost = { active: 9, orphaned: 2 };
    const loads = samples(
      { nowMs: 0, active: 9 },
      { nowMs: 14_000, ...lost },
      { nowMs: 15_000, ...lost },
      { nowMs: 16_000, ...lost },
      { nowMs: 17_000, active: 9 },
    );
    expect(loads.map(({ orphaned }) => orphaned)).toEqual([undefined, undefined, 2, 2, undefined]);
  });

  test('counts adds that brought no job as arrivals, and a delayed job when it is due', () => {
    const loads = samples(
      { nowMs: 0, added: 10, delayed: 3 },
      { nowMs: 1_000, added: 15, delayed: 3 },
      { nowMs: 2_000, added: 15, delayed: 1, dueWithin: () => 1 },
    );
    expect(loads.map(({ estimates }) => estimates.newArrivals)).toEqual([undefined, 5, 2]);
    expect(loads.at(-1)!.dueSoon).toBe(1);
  });

  test('adds runs of job schedulers to what is due soon', () => {
    const [load] = samples({ nowMs: 0, dueWithin: () => 1, hasSchedulers: true, scheduledWithin: () => 9 });
    expect(load!.dueSoon).toBe(10);
  });
});
