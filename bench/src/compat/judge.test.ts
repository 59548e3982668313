import { describe, expect, it } from 'vitest';
import { judge, type Evidence, type RunEvent } from './judge.ts';

const NOTHING: Evidence = {
  added: [],
  events: [],
  killed: new Map(),
  pauses: [],
  limit: { queue: 'limited', max: 2, windowMs: 1_000 },
};
const event = (atMs: number, worker: string, key: string, what: string, queue = 'open'): RunEvent => ({
  atMs,
  worker,
  queue,
  key,
  event: what,
});

describe('jobs', () => {
  it('without an effect are lost', () => {
    const events = [event(1, 'w', 'a', 'start'), event(2, 'w', 'a', 'effect'), event(3, 'w', 'b', 'start')];
    expect(judge({ ...NOTHING, added: ['a', 'b', 'c'], events })).toMatchObject({ lost: 2, duplicatedEffects: 0 });
  });

  it.each([
    ['was killed before the end of the job was recorded', 2_500, { duplicatedEffects: 0, repeatedAfterKills: 1 }],
    ['was killed long after', 60_000, { duplicatedEffects: 1, repeatedAfterKills: 0 }],
    ['was never killed', undefined, { duplicatedEffects: 1, repeatedAfterKills: 0 }],
  ])('with two effects, whose first worker %s', (_, killedMs, verdict) => {
    const first = [event(1_000, 'one', 'a', 'start'), event(2_000, 'one', 'a', 'effect')];
    const second = [event(9_000, 'two', 'a', 'start'), event(9_500, 'two', 'a', 'effect')];
    const killed = new Map(killedMs === undefined ? [] : [['one', killedMs]]);
    expect(judge({ ...NOTHING, added: ['a'], events: [...first, ...second], killed })).toMatchObject(verdict);
  });
});

it('a run counts as interrupted when its worker was killed before its effect', () => {
  const events = [
    event(1_000, 'one', 'a', 'start'),
    event(1_010, 'one', 'b', 'start'),
    event(1_020, 'one', 'b', 'effect'),
    event(1_030, 'other', 'c', 'start'),
  ];
  expect(judge({ ...NOTHING, events, killed: new Map([['one', 1_100]]) }).interruptedRuns).toBe(1);
});

it('a start counts as one in a pause from a second after it was in effect until its end was asked for', () => {
  const starts = [9_000, 10_500, 12_000, 15_100].map((atMs) => event(atMs, 'w', String(atMs), 'start', 'paused'));
  const pauses = [{ queue: 'paused', fromMs: 10_000, toMs: 15_000 }];
  expect(judge({ ...NOTHING, events: starts, pauses }).startsWhilePaused).toBe(1);
});

it.each([
  ['as many as the windows allow', [0, 10, 1_000, 1_010, 2_000, 2_010], 0],
  ['two windows that meet', [990, 995, 1_000, 1_005], 0],
  ['three too many', [0, 1, 2, 3, 500, 900, 1_000], 3],
])('starts under a rate limit: %s', (_, times, over) => {
  const events = times.map((atMs) => event(atMs, 'w', String(atMs), 'start', 'limited'));
  expect(judge({ ...NOTHING, events }).startsOverLimit).toBe(over);
});
