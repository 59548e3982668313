import { describe, expect, it } from 'vitest';
import { notConsumed, watchConsumption } from './consumption.ts';
import { decide } from './decide.ts';
import { aLoad, aPool } from './fixtures.ts';
import type { ConsumptionWatch, Decision, PoolObservation, QueueLoad } from './model/types.ts';
import { initialState } from './policy-state.ts';

type Pods = Pick<PoolObservation, 'readyReplicas'>;

/** A pool of pods with 10 slots, whose queue is sampled once a second. */
class Watched {
  nowMs = 0;
  watches: Record<string, ConsumptionWatch> = {};

  /** @returns what is said after so many seconds, each of which has the next of the loads. */
  see(seconds: number, loadOf: (second: number) => Partial<QueueLoad>, pods: Pods = { readyReplicas: 1 }) {
    for (let second = 0; second < seconds; second++) {
      const queues = [aLoad({ ...loadOf(second), sampledAtMs: (this.nowMs += 1_000) })];
      const observation = { currentReplicas: 1, ...pods, queues };
      this.watches = watchConsumption(this.watches, aPool({ concurrency: 10 }), observation);
    }
    return notConsumed(this.watches['emails']);
  }
}

const arriving = (newArrivals: number) => ({ estimates: { newArrivals } });

describe('a line that no job leaves for a minute beside free slots', () => {
  it('is said, with for how long and the slots that are free', () => {
    const pool = new Watched();
    expect(pool.see(60, () => ({ ready: 12 }))).toBeUndefined();
    expect(pool.see(1, () => ({ ready: 12 }))).toEqual({ notConsumedMs: 60_000, freeSlots: 10 });
    expect(pool.see(30, () => ({ ready: 12 }))).toEqual({ notConsumedMs: 90_000, freeSlots: 10 });
  });

  it('is said while jobs arrive, and while jobs run to their end', () => {
    expect(new Watched().see(61, (second) => ({ ready: 3 * second + 3, ...arriving(3) }))).toBeDefined();
    expect(new Watched().see(61, (second) => ({ ready: 12, active: Math.max(0, 9 - second) }))).toBeDefined();
    expect(new Watched().see(61, () => ({ ready: 12, active: 4 }))).toEqual({ notConsumedMs: 60_000, freeSlots: 6 });
  });

  it('is said although somebody retries jobs, which come without an add', () => {
    expect(new Watched().see(61, (second) => ({ ready: 1 + Math.floor(second / 7) }))).toBeDefined();
  });

  it('is said although deduplication refuses adds, where jobs are long enough to be seen to run', () => {
    const refused = { ready: 12, ...arriving(1) };
    const long = { ...refused, estimates: { ...refused.estimates, serviceTimeMs: 5_000 } };
    expect(new Watched().see(61, () => long)).toBeDefined();
    const short = { ...refused, estimates: { ...refused.estimates, serviceTimeMs: 50 } };
    expect(new Watched().see(61, () => short)).toBeUndefined();
  });

  it('is said as of the samples: decisions between two of them add nothing', () => {
    const pool = new Watched();
    pool.see(61, () => ({ ready: 12 }));
    const { watches } = pool;
    const same = aLoad({ ready: 12, sampledAtMs: pool.nowMs, ...arriving(5) });
    const again = watchConsumption(watches, aPool(), { currentReplicas: 1, readyReplicas: 1, queues: [same] });
    expect(again).toEqual(watches);
  });

  it.each<[string, (second: number) => Partial<QueueLoad>, Pods?]>([
    ['no line', () => ({})],
    ['a line that is empty now and then', (second) => ({ ready: second % 50 === 0 ? 0 : 5, ...arriving(1) })],
    ['a line that jobs leave as fast as they come', () => ({ ready: 12, ...arriving(2) })],
    ['a job that starts twice a minute', (second) => ({ ready: 400 - Math.floor(second / 30) })],
    ['jobs that are seen to start', (second) => ({ ready: 12, active: second % 40 === 39 ? 2 : 1 })],
    ['jobs that stall and start again', (second) => ({ ready: 12 + (second % 2), active: 1 - (second % 2) })],
    ['a queue that is paused', () => ({ ready: 12, paused: true })],
    ["a limit whose window runs, the queue's or a worker's own", () => ({ ready: 12, limitedForMs: 900 })],
    ['global concurrency that is used up', () => ({ ready: 12, active: 2, globalConcurrency: 2 })],
    ['slots that are all in use', () => ({ ready: 12, active: 10 })],
    ['no ready pod', () => ({ ready: 12 }), { readyReplicas: 0 }],
    ['pods of which nothing is known', () => ({ ready: 12 }), {}],
  ])('is not %s', (_what, loadOf, pods) => {
    const pool = new Watched();
    for (let second = 0; second < 200; second++) expect(pool.see(1, () => loadOf(second), pods)).toBeUndefined();
  });

  it('is one with a limit that is known and has room, and with global concurrency that has some', () => {
    expect(new Watched().see(61, () => ({ ready: 12, rateLimitPerSecond: 10 }))).toBeDefined();
    expect(new Watched().see(61, () => ({ ready: 12, active: 1, globalConcurrency: 2 }))).toBeDefined();
  });

  it('is over with the first job that leaves it, and begins anew after a time without samples', () => {
    const pool = new Watched();
    expect(pool.see(61, () => ({ ready: 12 }))).toBeDefined();
    expect(pool.see(1, () => ({ ready: 11, active: 1 }))).toBeUndefined();
    expect(pool.see(60, () => ({ ready: 11 }))).toBeDefined();
    pool.nowMs += 16_000;
    expect(pool.see(1, () => ({ ready: 11 }))).toBeUndefined();
  });
});

it('a decision says it in the signals of the queue', () => {
  let state = initialState(0);
  let decision: Decision | undefined;
  for (let nowMs = 1_000; nowMs <= 62_000; nowMs += 1_000) {
    const queues = [aLoad({ ready: 12, sampledAtMs: nowMs }), aLoad({ queue: 'receipts', sampledAtMs: nowMs })];
    const observation = { currentReplicas: 1, readyReplicas: 1, queues };
    ({ state, decision } = decide(aPool({ maxReplicas: 1 }), state, observation, nowMs));
  }
  expect(decision?.signals[0]).toMatchObject({ queue: 'emails', depth: 12, notConsumedMs: 61_000, freeSlots: 10 });
  expect(decision?.signals[1]).not.toHaveProperty('notConsumedMs');
});
