import { expect, it } from 'vitest';
import type { LoopProgress } from './queue-loop.ts';
import { rests, STUCK_AFTER_MS, TurnWatch, type RestReasons } from './turn-watch.ts';

const NOW = 1_000_000;
const BUSY: RestReasons = { limited: false, limitDelayMs: 30_000, waitMs: 10_000, freeSlots: 1 };

function loop(step: LoopProgress['step'], forMs: number): LoopProgress {
  return { queue: 'emails', step, sinceMs: NOW - forMs, turnedMs: NOW - forMs, fetching: true };
}

it.each([
  ['a paused worker', loop('paused', 3_600_000), BUSY, true],
  ['a limit', loop('limited', 3_600_000), { ...BUSY, limited: true }, true],
  ['a limit that is over, until it is looked at again', loop('limited', 20_000), BUSY, true],
  ['a limit that is over since long', loop('limited', 31_000), BUSY, false],
  ['no free slot', loop('slot', 3_600_000), { ...BUSY, freeSlots: 0 }, true],
  ['a free slot', loop('slot', 1), BUSY, false],
  ['a wait for jobs', loop('wait', 9_000), BUSY, true],
  ['a wait that does not end', loop('wait', 11_000), BUSY, false],
  ['a fetch', loop('fetch', 1), BUSY, false],
])('%s: whether the loop may rest', (_what, progress, reasons, expected) => {
  expect(rests(progress, reasons, NOW)).toBe(expected);
});

/** A watch over one loop in a fetch, with a clock and answers of the test's. */
function watched() {
  const at = { nowMs: NOW, answers: true, asked: 0, isResting: false };
  const stop = new AbortController();
  const progress = loop('fetch', 0);
  const watch = new TurnWatch({
    loops: [progress],
    rests: () => at.isResting,
    ask: async () => {
      at.asked++;
      return await Promise.resolve(at.answers);
    },
    stuckAfterMs: STUCK_AFTER_MS,
    stop: stop.signal,
    monotonic: () => at.nowMs,
  });
  const look = async (afterMs: number): Promise<number | undefined> => {
    at.nowMs += afterMs;
    await watch.look();
    return watch.answersSinceMs;
  };
  return { at, progress, stop, look };
}

it('asks only once a loop takes long, and remembers since when every question was answered', async () => {
  const { at, progress, look } = watched();
  expect([await look(15_000), at.asked]).toEqual([undefined, 0]);
  const firstMs = NOW + 20_000;
  expect(await look(5_000)).toBe(firstMs);
  expect(await look(5_000)).toBe(firstMs);
  at.answers = false;
  expect(await look(5_000)).toBeUndefined();
  at.answers = true;
  expect(await look(5_000)).toBe(firstMs + 15_000);
  progress.turnedMs = at.nowMs;
  expect([await look(0), at.asked]).toEqual([undefined, 4]);
});

it('gives a loop that rested its full time, and asks nothing in a drain', async () => {
  const { at, progress, stop, look } = watched();
  at.isResting = true;
  expect([await look(3_600_000), at.asked]).toEqual([undefined, 0]);
  expect(progress.turnedMs).toBe(at.nowMs);
  at.isResting = false;
  stop.abort();
  expect([await look(3_600_000), at.asked]).toEqual([undefined, 0]);
});
