import { expect, it } from 'vitest';
import { StatusPace } from './pace.ts';

it('news is written at once, holds at most every ten seconds, numbers every minute', () => {
  const pace = new StatusPace();
  expect(pace.waitMs('a', 'numbers', 0)).toBe(0);
  pace.wrote('a', 0);
  expect(pace.waitMs('a', 'news', 1)).toBe(0);
  expect(pace.waitMs('a', 'holds', 4_000)).toBe(6_000);
  expect(pace.waitMs('a', 'numbers', 4_000)).toBe(56_000);
  expect(pace.waitMs('b', 'numbers', 4_000)).toBe(0);
});

it('a thousand pools whose numbers move together take turns, twenty per second, and each asks twice at most', () => {
  const pace = new StatusPace();
  const pools = Array.from({ length: 1_000 }, (_, index) => `pool-${index}`);
  const turnsMs = pools.map((uid) => pace.waitMs(uid, 'numbers', 0));
  const inSecond = Map.groupBy(turnsMs, (atMs) => Math.floor(atMs / 1_000));
  expect(Math.max(...[...inSecond.values()].map(({ length }) => length))).toBeLessThanOrEqual(60);
  expect(inSecond.size).toBeLessThanOrEqual(50);
  for (const [index, uid] of pools.entries()) {
    expect(pace.waitMs(uid, 'numbers', turnsMs[index]!)).toBe(0);
    pace.wrote(uid, turnsMs[index]!);
  }
});

it('a pool that is gone is forgotten', () => {
  const pace = new StatusPace();
  pace.wrote('a', 0);
  pace.forget('a');
  expect(pace.waitMs('a', 'numbers', 1)).toBe(0);
});
