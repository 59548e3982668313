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

it('what comes in on its own has 5 ms of a turn together, each has its part, and waits for no piece of work', async () => {
  const { loop, pass, turns } = stage({ pieceMs: 1 });
  const stop = new AbortController();
  const parts = [0, 0, 0];
  const taken: number[] = [];
  const streams = parts.map(async (_, stream) => {
    for (; !stop.signal.aborted; parts[stream]!++) {
      await loop.nextPart();
      pass(1);
    }
  });
  for (let pieces = 0; pieces < 50; pieces++) void loop.next();
  for (let turn = 0; turn < 10; turn++) {
    const before = parts.reduce((sum, count) => sum + count);
    await setImmediate();
    for (const run of turns.splice(0)) run();
    await setImmediate();
    taken.push(parts.reduce((sum, count) => sum + count) - before);
  }
  stop.abort();
  while (turns.length > 0) {
    turns.shift()!();
    await setImmediate();
  }
  await Promise.all(streams);
  expect(Math.max(...taken)).toBeLessThanOrEqual(8);
  expect(Math.min(...parts)).toBeGreaterThanOrEqual(10);
});

it('one stream has 5 ms of each turn', async () => {
  const { loop, pass, turns } = stage({ pieceMs: 1 });
  let taken = 0;
  const stop = new AbortController();
  const stream = (async () => {
    for (; !stop.signal.aborted; taken++) {
      await loop.nextPart();
      pass(1);
    }
  })();
  for (let turn = 1; turn <= 3; turn++) {
    for (const run of turns.splice(0)) run();
    await setImmediate();
    expect(taken).toBe(5 * turn);
  }
  stop.abort();
  while (turns.length > 0) {
    turns.shift()!();
    await setImmediate();
  }
  await stream;
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
