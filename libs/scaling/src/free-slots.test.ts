import { expect, it } from 'vitest';
import { aLoad, aPool } from './fixtures.ts';
import { watchFreeSlots } from './free-slots.ts';
import type { FreeSlotsWatch, PoolObservation, QueueLoad } from './model/types.ts';

const CONCURRENCY = 1;

/** A pool whose queue is sampled once a second. */
class Watched {
  nowMs = 0;
  watches: Record<string, FreeSlotsWatch> = {};

  /** @returns the ceiling after so many seconds. */
  see(load: QueueLoad, readyReplicas: number, seconds: number, readyUnproven = false): number | undefined {
    for (let second = 0; second < seconds; second++) {
      this.nowMs += 1_000;
      const pods = { currentReplicas: readyReplicas, readyReplicas, readyUnproven };
      const observation: PoolObservation = { ...pods, queues: [load] };
      this.watches = watchFreeSlots(this.watches, aPool({ concurrency: CONCURRENCY }), observation, this.nowMs);
    }
    return this.watches[load.queue]?.ceiling?.slots;
  }
}

/** A line that waits while ten jobs of a second run. */
const inLine = aLoad({ ready: 500, active: 10, estimates: { arrivalRate: 20 } });

it('slots that stay free beside a line for ten seconds are more than its workers use', () => {
  const pool = new Watched();
  expect(pool.see(inLine, 23, 10)).toBeUndefined();
  expect(pool.see(inLine, 23, 1)).toBeCloseTo(10 + Math.sqrt(10));
});

it.each([
  ['a line that is served by all slots', inLine, 11],
  ['no line', aLoad({ active: 10 }), 23],
  ['what lies in line between two fetches', { ...inLine, ready: 9 }, 23],
  ['a queue that is paused', { ...inLine, paused: true }, 23],
  ['a limit that is known', { ...inLine, rateLimitPerSecond: 10 }, 23],
  ['a queue of several pools', { ...inLine, share: 0.5 }, 23],
  ['jobs of milliseconds', aLoad({ ...inLine, estimates: { serviceTimeMs: 5 } }), 23],
])('%s proves nothing', (_what, load, ready) => {
  expect(new Watched().see(load, ready, 60)).toBeUndefined();
});

it('more are tried after two minutes, and twice as late after each try that changed nothing', () => {
  const pool = new Watched();
  const first = pool.see(inLine, 23, 11)!;
  const capped = Math.ceil(first);
  expect(pool.see(inLine, capped, 119)).toBe(first);
  expect(pool.see(inLine, capped, 2)).toBeCloseTo(1.5 * first + 1);
  expect(pool.see(inLine, 21, 11)).toBeCloseTo(first);
  expect(pool.see(inLine, capped, 230)).toBeCloseTo(first);
  expect(pool.see(inLine, capped, 12)).toBeGreaterThan(first + 1);
});

const served = (slots: number): QueueLoad => ({ ...inLine, active: slots });

it('a limit that is gone, or was none, is forgotten when all slots have been busy for ten seconds', () => {
  const pool = new Watched();
  pool.see(inLine, 23, 11);
  expect(pool.see(served(14), 14, 10)).toBeDefined();
  expect(pool.see(served(14), 14, 1)).toBeUndefined();
});

it('once for each line: from then on it is found out by tries, each half as many more', () => {
  const pool = new Watched();
  pool.see(inLine, 23, 11);
  pool.see(served(14), 14, 11);
  let slots = Math.ceil(pool.see(inLine, 23, 11)!);
  expect(pool.see(served(slots), slots, 60)).toBeGreaterThanOrEqual(slots - 1);
  slots = Math.ceil(pool.see(served(slots), slots, 60)!);
  for (let tries = 0; tries < 4; tries++) slots = Math.ceil(pool.see(served(slots), slots, 16)!);
  expect(slots).toBeGreaterThan(60);
});

it('pods whose readiness proves nothing have half a minute until their slots count as free', () => {
  const pool = new Watched();
  pool.see(served(10), 10, 30, true);
  expect(pool.see(served(10), 30, 39, true)).toBeUndefined();
  expect(pool.see(served(10), 30, 1, true)).toBeCloseTo(10 + Math.sqrt(10));
});

it('is forgotten a minute after the line has gone', () => {
  const pool = new Watched();
  pool.see(inLine, 23, 11);
  expect(pool.see(aLoad({ active: 5 }), 14, 60)).toBeDefined();
  expect(pool.see(aLoad({ active: 5 }), 14, 1)).toBeUndefined();
  expect(pool.watches).toEqual({});
});
