import type { Clock } from '@redis-queue/controller';
import { expect, it } from 'vitest';
import { Coalescer } from './coalescer.ts';

/** One timer at a time is all that is needed. */
function coalescer() {
  let now = 0;
  let timer: { atMs: number; run: () => void } | undefined;
  const clock: Clock = {
    now: () => now,
    after: (delayMs, run) => {
      const own = (timer = { atMs: now + delayMs, run });
      return { cancel: () => void (timer === own && (timer = undefined)) };
    },
  };
  const delivered: string[] = [];
  const keys = new Coalescer(clock, { everyMs: 1_000, everyMsPerKey: 5_000 }, (batch) =>
    delivered.push(`${now}: ${[...batch].join(' ')}`),
  );
  const advanceTo = (untilMs: number): void => {
    for (let due = timer; due && due.atMs <= untilMs; due = timer) {
      timer = undefined;
      now = Math.max(now, due.atMs);
      due.run();
    }
    now = untilMs;
  };
  return { keys, delivered, advanceTo };
}

it('delivers at once, and what comes within a second of that together', () => {
  const { keys, delivered, advanceTo } = coalescer();
  keys.add('a');
  advanceTo(10);
  for (const key of ['b', 'c', 'b']) keys.add(key);
  advanceTo(60_000);
  keys.add('a');
  advanceTo(60_000);
  expect(delivered).toEqual(['0: a', '1000: b c', '60000: a']);
});

it('delivers a key that comes all the time once in 5 s, the last time after it has come last, and others in time', () => {
  const { keys, delivered, advanceTo } = coalescer();
  for (let nowMs = 0; nowMs <= 12_000; nowMs += 60) {
    advanceTo(nowMs);
    keys.add('flapping');
    if (nowMs === 7_200) keys.add('other');
  }
  advanceTo(60_000);
  expect(delivered).toEqual(['0: flapping', '5000: flapping', '7200: other', '10000: flapping', '15000: flapping']);
});
