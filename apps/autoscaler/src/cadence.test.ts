import { describe, expect, it } from 'vitest';
import { nextLookMs, onGrid, SAFETY_POLL_MS } from './cadence.ts';
import { aSample } from './fixtures.ts';

const next = (sample: Parameters<typeof aSample>[0], poolsAtZero = true) =>
  nextLookMs({ sample: aSample(sample), poolsAtZero, podStartMs: 10_000 });

describe('how often a queue is looked at', () => {
  it.each(['waiting', 'prioritized', 'active', 'overdue', 'dueSoon', 'legacyPaused'] as const)(
    'every tick while it has a job that is %s',
    (state) => {
      expect(next({ [state]: 1 })).toBe(1_000);
      expect(next({ [state]: 1 }, false)).toBe(1_000);
    },
  );

  it('hardly ever at rest: wake-ups tell of new jobs', () => {
    expect(next({})).toBe(SAFETY_POLL_MS);
  });

  it('a pod’s start time before the next delayed job is due', () => {
    expect(next({ delayed: 1, nextDelayedDueMs: 1_000_000 + 17_000 })).toBe(7_000);
    expect(next({ delayed: 1, nextDelayedDueMs: 1_000_000 + 3_600_000 })).toBe(SAFETY_POLL_MS);
    expect(next({ delayed: 1, nextDelayedDueMs: 1_000_000 - 5 })).toBe(0);
  });

  it('often enough not to be stale while its pools still have pods', () => {
    expect(next({}, false)).toBe(2_000);
  });

  it('seldom while it is paused and its pools are at zero', () => {
    expect(next({ waiting: 5, paused: true })).toBe(5_000);
  });

  it('on a grid that all queues share', () => {
    expect(onGrid(1_001)).toBe(2_000);
    expect(onGrid(2_000)).toBe(2_000);
  });
});
