import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { LoopTurns } from './loop-turns.ts';

/** Turns that come when the test says so, and the pieces of work that have begun; each takes `pieceMs`. */
function stage({ pieceMs }: { pieceMs: number }) {
  const turns: (() => void)[] = [];
  let nowMs = 0;
  const loop = new LoopTurns({
    now: () => nowMs,
    whenCalm: (run) => queueMicrotask(() => process.nextTick(run)),
    onNextTurn: (run) => void turns.push(run),
  });
  const begun: number[] = [];
  const one = async (piece: number): Promise<void> => {
    await loop.next();
    begun.push(piece);
    // what takes time comes only after promises that are kept already, as in most work
    for (let step = 0; step < 10; step++) await Promise.resolve();
    nowMs += pieceMs;
  };
  const nextTurn = async (): Promise<number[]> => {
    await setImmediate();
    for (const run of turns.splice(0)) run();
    await setImmediate();
    return begun.splice(0);
  };
  /** Lets time pass. @returns what time it is */
  const pass = (ms: number): number => (nowMs += ms);
  return { loop, one, begun, nextTurn, turns, pass };
}

it('pieces follow each other until the turn has lasted 10 ms', async () => {
  const { one, begun, nextTurn } = stage({ pieceMs: 4 });
  const all = Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(one));
  await setImmediate();
  expect(begun.splice(0)).toEqual([1, 2, 3]);
  expect(await nextTurn()).toEqual([4, 5, 6]);
  expect(await nextTurn()).toEqual([7, 8]);
  await all;
});

it('pieces that take longer begin in a turn each, in the order of asking', async () => {
  const { one, begun, nextTurn } = stage({ pieceMs: 20 });
  await one(1);
  const all = Promise.all([2, 3, 4].map(one));
  await setImmediate();
  expect(begun.splice(0)).toEqual([1]);
  expect(await nextTurn()).toEqual([2]);
  const late = one(5);
  expect(await nextTurn()).toEqual([3]);
  expect(await nextTurn()).toEqual([4]);
  expect(await nextTurn()).toEqual([5]);
  await Promise.all([all, late]);
});

it('after a turn that lasted long with the answers that came in, only one begins', async () => {
  const { one, begun, nextTurn, pass } = stage({ pieceMs: 4 });
  const all = Promise.all([1, 2, 3, 4, 5, 6, 7].map(one));
  await setImmediate();
  expect(begun.splice(0)).toEqual([1, 2, 3]);
  pass(20);
  expect(await nextTurn()).toEqual([4]);
  expect(await nextTurn()).toEqual([5, 6, 7]);
  await all;
});

it('many that take no time begin in one turn', async () => {
  const { one, begun } = stage({ pieceMs: 0 });
  const pieces = Array.from({ length: 1_000 }, (_, piece) => piece);
  await Promise.all(pieces.map(one));
  expect(begun).toEqual(pieces);
});

it('each turn has its time again, and none is asked for while nobody works', async () => {
  const { one, nextTurn, turns } = stage({ pieceMs: 20 });
  await one(1);
  expect(await nextTurn()).toEqual([1]);
  expect(turns).toEqual([]);
  await one(2);
  expect(turns).toHaveLength(1);
  expect(await nextTurn()).toEqual([2]);
});

it('events of a stream that follow each other share 5 ms of a turn and wait for no other piece', async () => {
  const { loop, pass, turns } = stage({ pieceMs: 1 });
  const stop = new AbortController();
  let [events, others] = [0, 0];
  const workers = Array.from({ length: 50 }, async () => {
    for (; !stop.signal.aborted; others++) {
      await loop.next();
      pass(1);
      await setImmediate();
    }
  });
  const stream = async (): Promise<void> => {
    const next = loop.stream();
    for (; !stop.signal.aborted; events++) {
      await next();
      pass(0.1);
    }
  };
  const streamed = stream();
  while (pass(0) < 1_000) {
    await setImmediate();
    turns.shift()?.();
  }
  stop.abort();
  while (turns.length > 0) {
    turns.shift()!();
    await setImmediate();
  }
  await Promise.all([...workers, streamed]);
  expect(events).toBeGreaterThan(500);
  expect(others).toBeGreaterThan(500);
});

it('in the real event loop, a timer fires between pieces that wait for nothing', async () => {
  const loop = new LoopTurns();
  let running = 0;
  const piece = async (): Promise<void> => {
    await loop.next();
    running++;
    const endMs = performance.now() + 4;
    while (performance.now() < endMs);
  };
  let atTimer = 0;
  const timer = setTimeout(() => (atTimer = running), 1);
  await Promise.all(Array.from({ length: 20 }, piece));
  clearTimeout(timer);
  expect(atTimer).toBeGreaterThan(0);
  expect(atTimer).toBeLessThan(10);
});
