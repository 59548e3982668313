import { expect, it } from 'vitest';
import { SlotShares } from './slot-shares.ts';

interface Load {
  weight?: number;
  jobMs: number;
  /** When its work begins and ends. */
  fromMs?: number;
  untilMs?: number;
}

/** Slot time that each queue gets within `forMs` while slots are given by the shares, and the most slots it held. */
function simulate(slots: number, loads: Record<string, Load>, forMs: number, countFromMs = 0) {
  let nowMs = 0;
  const weights = new Map(Object.entries(loads).flatMap(([queue, { weight }]) => (weight ? [[queue, weight]] : [])));
  const shares = new SlotShares(weights, () => nowMs);
  const waiting: string[] = [];
  let runs: { queue: string; endMs: number }[] = [];
  const timeMs = new Map<string, number>();
  const most = new Map<string, number>();
  for (; nowMs < forMs; nowMs++) {
    for (const { queue } of runs.filter(({ endMs }) => endMs <= nowMs)) shares.release(queue);
    runs = runs.filter(({ endMs }) => endMs > nowMs);
    for (const [queue, { fromMs = 0, untilMs = Infinity }] of Object.entries(loads)) {
      const works = nowMs >= fromMs && nowMs < untilMs;
      if (works && !waiting.includes(queue)) {
        waiting.push(queue);
        shares.ask(queue);
      } else if (!works && waiting.includes(queue)) {
        waiting.splice(waiting.indexOf(queue), 1);
        shares.giveUp(queue);
      }
    }
    while (runs.length < slots && waiting.length > 0) {
      const queue = shares.next(waiting, slots);
      shares.take(queue);
      runs.push({ queue, endMs: nowMs + loads[queue]!.jobMs });
      // the queue has more work, and waits again behind the others
      waiting.splice(waiting.indexOf(queue), 1);
      waiting.push(queue);
      shares.ask(queue);
    }
    if (nowMs < countFromMs) continue;
    for (const queue of Object.keys(loads)) {
      const held = runs.filter((run) => run.queue === queue).length;
      timeMs.set(queue, (timeMs.get(queue) ?? 0) + held);
      most.set(queue, Math.max(most.get(queue) ?? 0, held));
    }
  }
  const all = [...timeMs.values()].reduce((sum, ms) => sum + ms, 0);
  const share = (queue: string): number => (timeMs.get(queue) ?? 0) / all;
  return { share, most: (queue: string) => most.get(queue) ?? 0, busy: all / ((forMs - countFromMs) * slots) };
}

it.each([
  { slots: 1, jobs: [10, 10] },
  { slots: 1, jobs: [70, 10] },
  { slots: 2, jobs: [10, 70] },
  { slots: 4, jobs: [13, 100] },
  { slots: 10, jobs: [100, 7] },
])('$slots slots are shared 3 to 1 by weight, however long the jobs of each take: $jobs ms', ({ slots, jobs }) => {
  const { share, busy } = simulate(slots, { a: { weight: 3, jobMs: jobs[0]! }, b: { jobMs: jobs[1]! } }, 40_000);
  expect(share('a')).toBeCloseTo(0.75, 1);
  expect(Math.abs(share('a') - 0.75)).toBeLessThan(0.02);
  expect(busy).toBeGreaterThan(0.99);
});

it('shares are equal without weights', () => {
  const { share } = simulate(4, { a: { jobMs: 200 }, b: { jobMs: 10 }, c: { jobMs: 50 } }, 60_000);
  for (const queue of ['a', 'b', 'c']) expect(Math.abs(share(queue) - 1 / 3)).toBeLessThan(0.02);
});

it('a queue with a hundredth of the weight still gets its part', () => {
  const { share } = simulate(4, { a: { weight: 100, jobMs: 10 }, b: { jobMs: 10 } }, 60_000);
  expect(share('b')).toBeGreaterThan(0.008);
  expect(share('b')).toBeLessThan(0.012);
});

it('a queue without work costs the others none, and has saved up nothing when it has some', () => {
  const loads = { a: { jobMs: 10 }, b: { jobMs: 10, fromMs: 20_000 } };
  expect(simulate(4, loads, 20_000)).toMatchObject({ busy: 1 });
  const after = simulate(4, loads, 22_000, 20_050);
  expect(Math.abs(after.share('b') - 0.5)).toBeLessThan(0.02);
});

it('a queue that had all slots owes the others nothing', () => {
  // b works alone from 10 s to 20 s, then a is back
  const loads = { a: { jobMs: 10 }, b: { jobMs: 10 }, c: { jobMs: 10, fromMs: 5_000, untilMs: 10_000 } };
  const { share } = simulate(4, { ...loads, a: { jobMs: 10, fromMs: 20_000 } }, 25_000, 20_050);
  expect(Math.abs(share('a') - 0.5)).toBeLessThan(0.02);
});

it('a queue of long jobs that waited for long never takes more than its part of the slots', () => {
  const { most } = simulate(4, { a: { jobMs: 5_000 }, b: { jobMs: 5_000, fromMs: 1 } }, 60_000, 10_000);
  expect([most('a'), most('b')]).toEqual([2, 2]);
});

it('of queues with equal rights the one that is named first is next', () => {
  const shares = new SlotShares(new Map(), () => 0);
  shares.ask('a');
  shares.ask('b');
  expect([shares.next(['a', 'b'], 2), shares.next(['b', 'a'], 2)]).toEqual(['a', 'b']);
});

it('a queue keeps the slot of the job that ends where its right is the greatest', () => {
  let nowMs = 0;
  const shares = new SlotShares(new Map([['a', 3]]), () => nowMs);
  for (const queue of ['a', 'b']) {
    shares.ask(queue);
    shares.take(queue);
  }
  shares.ask('b');
  nowMs = 10;
  expect(shares.next(['b', 'a'], 2, 'a')).toBe('a');
});
