import { expect, it } from 'vitest';
import { FairPace } from './fair-pace.ts';

/** Turns of a pace, from `nowMs` on, each begun as soon as it may. */
function turnsOf(pace: FairPace, nowMs: number): [uid: string, atMs: number][] {
  const turns: [string, number][] = [];
  for (let next = pace.next(); next; next = pace.next()) {
    nowMs += pace.restMs(nowMs);
    pace.begin(next.uid, nowMs);
    turns.push([next.uid, nowMs]);
  }
  return turns;
}

it('gives turns so far apart, namespaces in turns, and within one in the order of asking', () => {
  const pace = new FairPace(50);
  for (const uid of ['a1', 'a2', 'a3', 'b1']) pace.ask(uid, uid[0]!);
  pace.ask('a1', 'a');
  expect(pace.backlogMs(0)).toBe(200);
  expect(turnsOf(pace, 0)).toEqual([
    ['a1', 0],
    ['b1', 50],
    ['a2', 100],
    ['a3', 150],
  ]);
  expect(pace.restMs(160)).toBe(40);
});

it('passes over who does not wait any more, and saves no turns up', () => {
  const pace = new FairPace(50);
  for (const uid of ['a1', 'a2', 'a3']) pace.ask(uid, 'a');
  pace.leave('a2');
  expect([pace.waits('a2'), pace.waits('a3')]).toEqual([false, true]);
  expect(turnsOf(pace, 10_000)).toEqual([
    ['a1', 10_000],
    ['a3', 10_050],
  ]);
});

it('passes over a namespace that is not admitted', () => {
  const pace = new FairPace(50);
  for (const uid of ['a1', 'b1']) pace.ask(uid, uid[0]!);
  expect(pace.next((namespace) => namespace !== 'a')?.uid).toBe('b1');
});
