import { describe, expect, it } from 'vitest';
import { PodStarts, startSeconds } from './start-time.ts';

const of = (seconds: number[], published?: number) =>
  startSeconds(
    seconds.map((each) => each * 1_000),
    published,
  );

describe('the start time of pods', () => {
  it('is not known before the first start, and stays what it was', () => {
    expect(of([])).toBeUndefined();
    expect(of([], 12)).toBe(12);
  });

  it('is what all but the slowest pods take', () => {
    expect(of([7])).toBe(7);
    expect(of([5, 6, 7, 8, 9, 10, 11, 12, 13, 90])).toBe(13);
  });

  it('does not follow a single slow pod', () => {
    expect(of([6, 300, 5])).toBe(6);
    expect(of([300], 6)).toBe(6);
    expect(of([6, 6, 6, 6, 6, 6, 6, 6, 6, 300], 6)).toBe(6);
  });

  it('follows pods that take longer with the second, and such that take less once they are most', () => {
    expect(of([40, 40], 6)).toBe(40);
    expect(of([6, 6, 6], 40)).toBe(40);
    expect(of([6, 6, 6, 6], 40)).toBe(6);
  });

  it('stays while it moves by less than anybody needs to know', () => {
    expect(of([5, 5, 5, 5, 5], 4)).toBe(4);
    expect(of([6, 6, 6, 6, 6], 4)).toBe(6);
    expect(of([70, 70, 70, 70, 70], 60)).toBe(60);
    expect(of([72, 72, 72, 72, 72], 60)).toBe(72);
  });

  it('does not move by being published', () => {
    for (const [starts, before] of [
      [[20, 30], 10],
      [[10, 20, 30, 40], 60],
      [[1, 100], 30],
    ] as const) {
      const once = of([...starts], before);
      expect(of([...starts], once)).toBe(once);
    }
  });

  it('is between a second and an hour', () => {
    expect(of([0])).toBe(1);
    expect(of([90_000])).toBe(3_600);
  });
});

describe('what is remembered of starts', () => {
  it('are the last ten of each pool, until it is gone', () => {
    const starts = new PodStarts();
    for (let start = 0; start < 10; start++) starts.record('a', 60_000);
    for (let start = 0; start < 9; start++) starts.record('a', 5_000);
    starts.record('b', 30_000);
    expect([starts.seconds('a', undefined), starts.seconds('b', undefined)]).toEqual([5, 30]);
    starts.forget('a');
    expect(starts.seconds('a', undefined)).toBeUndefined();
  });
});
