import { expect, it } from 'vitest';
import { DecisionTurns, MAX_HELD } from './turns.ts';

const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Turns on a clock of their own, what has begun in them, and how many wait. */
function stage(atOnce: number) {
  const clock = { nowMs: 0 };
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  let waiting = 0;
  const turns = new DecisionTurns({ atOnce, now: () => clock.nowMs, onWaiting: (count) => (waiting = count) });
  const hang = (namespace: string) =>
    turns.run(namespace, () => {
      begun.push(namespace);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  return { clock, turns, begun, ends, hang, waiting: () => waiting };
}

it('a namespace whose decisions hang has a third of the places, and others begin at once', async () => {
  const { begun, hang, waiting } = stage(24);
  for (let n = 0; n < 500; n++) void hang('noisy');
  await settled();
  expect(begun).toHaveLength(8);
  for (const name of ['a', 'b', 'c']) void hang(name);
  await settled();
  expect(begun.slice(8)).toEqual(['a', 'b', 'c']);
  expect(waiting()).toBeLessThan(MAX_HELD / 2);
});

it('a namespace holds a third of what may be held, whatever it publishes, and leaves the next some', async () => {
  const { hang, waiting } = stage(1);
  const refusedOf = async (namespace: string): Promise<number> => {
    let refused = 0;
    for (let n = 0; n < 2 * MAX_HELD; n++) void hang(namespace).then((turn) => void (turn ?? refused++));
    await settled();
    return refused;
  };
  expect(await refusedOf('noisy')).toBeGreaterThan(1.6 * MAX_HELD);
  expect(waiting()).toBeLessThanOrEqual(MAX_HELD / 3 + 1);
  expect(await refusedOf('noisy-too')).toBeGreaterThan(1.7 * MAX_HELD);
  expect(await refusedOf('calm')).toBeLessThan(2 * MAX_HELD - 50);
});

it('what has no room comes back one by one, of each namespace for itself, and within ten seconds', () => {
  const { clock, turns } = stage(1);
  const back = (namespace: string, count: number) =>
    Array.from({ length: count }, () => turns.returnAfterMs(namespace));
  expect(back('noisy', 3)).toEqual([500, 510, 520]);
  expect(back('calm', 1)).toEqual([500]);
  expect(back('noisy', 2)).toEqual([540, 560]);
  expect(Math.max(...back('noisy', 10_000))).toBe(10_000);
  clock.nowMs = 60_000;
  expect(back('noisy', 1)).toEqual([500]);
});

it('closed, nothing waits, nothing begins, and all goes back at once', async () => {
  const { turns, begun, ends, hang, waiting } = stage(1);
  const first = hang('a');
  const second = hang('b');
  await settled();
  turns.close();
  expect(await second).toBeUndefined();
  expect(await hang('c')).toBeUndefined();
  expect(turns.returnAfterMs('c')).toBe(0);
  ends[0]!();
  expect(await first).toEqual({ result: undefined });
  expect([begun, waiting()]).toEqual([['a'], 0]);
});

it('one that throws makes room as well, and says so', async () => {
  const { turns, begun, hang } = stage(1);
  const failing = turns.run('a', () => Promise.reject(new Error('no')));
  void hang('b');
  await expect(failing).rejects.toThrow('no');
  await settled();
  expect(begun).toEqual(['b']);
});
