import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { LoopTurns } from './loop-turns.ts';

/** Turns that come when the test says so, and the pieces of work that have begun. */
function stage() {
  const turns: (() => void)[] = [];
  const loop = new LoopTurns((run) => void turns.push(run));
  const begun: number[] = [];
  const work = async (...pieces: number[]): Promise<void> => {
    await Promise.all(pieces.map((piece) => loop.next().then(() => begun.push(piece))));
  };
  const nextTurn = async (): Promise<number[]> => {
    await setImmediate();
    for (const run of turns.splice(0)) run();
    await setImmediate();
    return begun.splice(0);
  };
  return { work, begun, nextTurn, turns };
}

it('two pieces follow each other at once', async () => {
  const { work, begun } = stage();
  await work(1, 2);
  expect(begun).toEqual([1, 2]);
});

it('further ones begin in later turns, in the order of asking', async () => {
  const { work, begun, nextTurn } = stage();
  const all = work(1, 2, 3, 4, 5);
  await setImmediate();
  expect(begun.splice(0)).toEqual([1, 2]);
  const late = work(6);
  expect(await nextTurn()).toEqual([3, 4]);
  expect(await nextTurn()).toEqual([5, 6]);
  await Promise.all([all, late]);
});

it('each turn has room again, and none is asked for while nobody works', async () => {
  const { work, nextTurn, turns } = stage();
  await work(1, 2);
  expect(await nextTurn()).toEqual([1, 2]);
  expect(turns).toEqual([]);
  await work(3);
  expect(turns).toHaveLength(1);
  expect(await nextTurn()).toEqual([3]);
});

it('what comes while others wait stays behind them', async () => {
  const { work, begun, nextTurn } = stage();
  const all = work(1, 2, 3, 4, 5, 6, 7);
  await nextTurn();
  const late = work(8);
  const order = [...begun, ...(await nextTurn()), ...(await nextTurn()), ...(await nextTurn())];
  await Promise.all([all, late]);
  expect(order.at(-1)).toBe(8);
});
