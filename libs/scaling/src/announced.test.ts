import { expect, it } from 'vitest';
import { observeAnnounced, sharesThatCame, type Announced } from './announced.ts';

const TIMES_MS = [2_500, 5_000];

/** Samples once a second: jobs due within each of the times, and jobs that became ready. */
function watch(seconds: number, due: (second: number) => number[], ready: (second: number) => number): Announced {
  let announced: Announced | undefined;
  for (let second = 0; second < seconds; second++) {
    const dueBy = due(second).map((jobs, at) => ({ withinMs: TIMES_MS[at]!, jobs }));
    announced = observeAnnounced(announced, dueBy, ready(second), second * 1_000);
  }
  return announced!;
}

it('nothing is remembered of queues that never had a delayed job', () => {
  expect(observeAnnounced(undefined, [], 5, 1_000)).toBeUndefined();
});

it('delayed jobs come when they are due', () => {
  const steady = watch(
    60,
    () => [25, 50],
    () => 10,
  );
  expect(sharesThatCame(steady)).toEqual([1, 1]);
});

/** 600 jobs that are due at the tenth second, announced as soon as each of the times reaches so far. */
const burst = (second: number): number[] => [
  second >= 8 && second < 10 ? 600 : 0,
  second >= 5 && second < 10 ? 600 : 0,
];
const comes = (second: number): number => (second === 10 ? 600 : 0);

it('of a burst that is announced all counts until it is due, and after it', () => {
  expect(sharesThatCame(watch(10, burst, comes))).toEqual([1, 1]);
  expect(sharesThatCame(watch(30, burst, comes))).toEqual([1, 1]);
});

it('of jobs that are put off again and again a part comes', () => {
  const [soon, later] = sharesThatCame(
    watch(
      120,
      () => [20, 56],
      () => 4,
    ),
  );
  expect(soon).toBeCloseTo(12 / 20, 1);
  expect(later).toBeCloseTo(20 / 56, 1);
});
