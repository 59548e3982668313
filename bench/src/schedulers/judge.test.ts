import { expect, it } from 'vitest';
import { judge, type Run } from './judge.ts';

const run = (slotMs: number, startedMs = slotMs + 5, scheduler = 'a'): Run => ({ scheduler, slotMs, startedMs });
const verdict = (...runs: Run[]) => judge(runs, new Map([['a', 1_000]]), { fromMs: 1_500, toMs: 4_000 });

it('each slot wants one run, before and after the judged time none', () => {
  expect(verdict(run(1_000), run(2_000), run(3_000), run(4_000, 4_090), run(5_000))).toEqual({
    slots: 3,
    doubledRuns: 0,
    missedRuns: 0,
    leftOutByWorkers: 0,
    latestMs: 90,
  });
});

it('a second run of a slot, and one for no slot, is doubled', () => {
  expect(verdict(run(2_000), run(2_000), run(3_000), run(3_300), run(4_000))).toMatchObject({ doubledRuns: 2 });
});

it('a slot without a run is missed, unless the workers came late to the run before', () => {
  expect(verdict(run(2_000), run(4_000))).toMatchObject({ missedRuns: 1, leftOutByWorkers: 0 });
  expect(verdict(run(2_000, 3_100), run(4_000))).toMatchObject({ missedRuns: 0, leftOutByWorkers: 1 });
  expect(verdict()).toMatchObject({ slots: 3, missedRuns: 3 });
});
