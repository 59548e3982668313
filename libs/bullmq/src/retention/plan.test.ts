import { describe, expect, test } from 'vitest';
import { retentionLimits, SHORTEST_MS, type RetentionLimits } from './limits.ts';
import { planAges, planSize, type Finished } from './plan.ts';

const HOUR = 3_600_000;
const NOW = 1_764_388_800_000;

function finished(changes: Partial<Finished> = {}): Finished {
  return {
    redisTimeMs: NOW,
    completed: { count: 0 },
    failed: { count: 0 },
    events: 0,
    maxLenEvents: 10_000,
    ...changes,
  };
}
const limits = (changes: Partial<RetentionLimits>): RetentionLimits => ({ leavesDeadLetters: false, ...changes });

describe('the limits of a spec', () => {
  test('m is minutes, h hours, d days, and bytes are a quantity', () => {
    const retention = { completedJobs: '30m', failedJobs: '7d', maxBytes: '2Gi', maxEvents: 500 };
    expect(retentionLimits({ retention })).toEqual({
      completedMs: 1_800_000,
      failedMs: 7 * 24 * HOUR,
      maxBytes: 2 * 2 ** 30,
      maxEvents: 500,
      leavesDeadLetters: false,
    });
    expect(retentionLimits({ retention, dlqPolicy: { enabled: true } })).toMatchObject({ leavesDeadLetters: true });
  });

  test('nothing is kept for less than the minute from which waits are read', () => {
    expect(retentionLimits({ retention: { completedJobs: '0h' } })).toMatchObject({ completedMs: SHORTEST_MS });
  });

  test('what is absent is not managed', () => {
    expect(retentionLimits({})).toBeUndefined();
    expect(retentionLimits({ retention: {}, dlqPolicy: { enabled: true } })).toBeUndefined();
  });
});

describe('what is too old', () => {
  const old = { count: 9, oldestMs: NOW - 2 * HOUR };

  test('is removed from each state by its own time, and how late that is', () => {
    const plan = planAges(limits({ completedMs: HOUR, failedMs: 3 * HOUR }), finished({ completed: old, failed: old }));
    expect(plan).toEqual({ tasks: [{ kind: 'removeOld', state: 'completed', olderThanMs: HOUR }], lateMs: HOUR });
  });

  test('is nothing where no time is set or no job is there', () => {
    expect(planAges(limits({ maxBytes: 1 }), finished({ completed: old, failed: old }))).toEqual({
      tasks: [],
      lateMs: 0,
    });
    expect(planAges(limits({ completedMs: HOUR }), finished())).toEqual({ tasks: [], lateMs: 0 });
  });

  test.each([
    ['a stream within its limit and a node', { events: 600, maxLenEvents: 500 }, 0],
    ['a longer stream', { events: 601, maxLenEvents: 500 }, 1],
    ["a producer's own length", { events: 3, maxLenEvents: 10_000 }, 1],
  ])('of events: %s', (_, found, tasks) => {
    const plan = planAges(limits({ maxEvents: 500 }), finished(found));
    expect(plan.tasks).toEqual(tasks === 0 ? [] : [{ kind: 'trimEvents', maxEvents: 500 }]);
  });
});

describe('what is too large', () => {
  const size = { bytes: 1_000, standardError: 10, completedBytes: 300, failedBytes: 200 };

  test('goes from the completed jobs first, then from the failed ones, and the rest is said', () => {
    expect(planSize(limits({ maxBytes: 900 }), size)).toEqual({
      tasks: [{ kind: 'free', state: 'completed', bytes: 100 }],
      unfinishedOverBytes: 0,
    });
    expect(planSize(limits({ maxBytes: 400 }), size)).toEqual({
      tasks: [
        { kind: 'free', state: 'completed', bytes: 300 },
        { kind: 'free', state: 'failed', bytes: 200 },
      ],
      unfinishedOverBytes: 100,
    });
  });

  test.each([1_000, 990])('is nothing within the error of the estimate, with a limit of %s', (maxBytes) => {
    expect(planSize(limits({ maxBytes }), size)).toEqual({ tasks: [], unfinishedOverBytes: 0 });
  });

  test('is nothing without a limit', () => {
    expect(planSize(limits({}), size)).toEqual({ tasks: [], unfinishedOverBytes: 0 });
  });
});
