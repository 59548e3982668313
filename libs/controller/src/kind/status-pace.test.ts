import { expect, it } from 'vitest';
import { StatusPace } from './status-pace.ts';

it('each object is written at most every so often, whatever the others do', () => {
  const pace = new StatusPace();
  expect(pace.waitMs('a', 60_000, 0)).toBe(0);
  pace.wrote('a', 0);
  expect(pace.waitMs('a', 10_000, 4_000)).toBe(6_000);
  expect(pace.waitMs('a', 60_000, 4_000)).toBe(56_000);
  expect(pace.waitMs('b', 60_000, 4_000)).toBe(0);
});

it('a thousand objects whose numbers move together take turns, twenty per second, and each asks twice at most', () => {
  const pace = new StatusPace();
  const uids = Array.from({ length: 1_000 }, (_, index) => `object-${index}`);
  const turnsMs = uids.map((uid) => pace.waitMs(uid, 60_000, 0));
  const inSecond = Map.groupBy(turnsMs, (atMs) => Math.floor(atMs / 1_000));
  expect(Math.max(...[...inSecond.values()].map(({ length }) => length))).toBe(20);
  expect(inSecond.size).toBe(50);
  for (const [index, uid] of uids.entries()) {
    expect(pace.waitMs(uid, 60_000, turnsMs[index]!)).toBe(0);
    pace.wrote(uid, turnsMs[index]!);
  }
});

it('turns that nobody used are lost, and do not come all at once later', () => {
  const pace = new StatusPace();
  const uids = Array.from({ length: 100 }, (_, index) => `object-${index}`);
  for (const uid of uids) pace.waitMs(uid, 60_000, 0);
  const turnsMs = uids.map((uid) => pace.waitMs(uid, 60_000, 60_000));
  expect(turnsMs).toEqual(uids.map((_, index) => 50 * index));
});

it('an object that is gone is forgotten', () => {
  const pace = new StatusPace();
  pace.wrote('a', 0);
  pace.forget('a');
  expect(pace.waitMs('a', 60_000, 1)).toBe(0);
});
