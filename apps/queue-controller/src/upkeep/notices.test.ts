import type { MoverRound, PriorityResult, RetentionResult } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { leftNotice, LOSS_SAID_MS, lostNotice, newlyLost } from './dead-letter-notices.ts';
import { outcomeOf as priorityOutcome } from './priorities.ts';
import { outcomeOf as retentionOutcome } from './retention.ts';

describe('dead letters', () => {
  it('that were lost are said for an hour after the last', () => {
    const lost = { lost: 1, atLeast: false, lastMs: 1_000 };
    expect(lostNotice({ ...lost, redisTimeMs: 2_000 })).toMatchObject({
      reason: 'DeadLettersLost',
      count: 1,
      message: expect.stringMatching(/^at least 1 job failed for good/),
    });
    expect(lostNotice({ ...lost, redisTimeMs: 1_000 + LOSS_SAID_MS })).toBeUndefined();
    expect(lostNotice({ lost: 0, atLeast: true, redisTimeMs: 0 })).toBeUndefined();
  });

  it('that were lost are counted once, also by a process that does not know how many were before', () => {
    const lost = { lost: 7, atLeast: false, redisTimeMs: 2_000 };
    expect([0, 5, 7, 9].map((before) => newlyLost(lost, before))).toEqual([7, 2, 0, 0]);
    expect(newlyLost({ ...lost, lastMs: 1_000 }, undefined)).toBe(0);
    expect(newlyLost({ ...lost, lastMs: 2_000 }, undefined)).toBe(1);
    // Whoever may write to the queue may write the count; the metric is of all queues.
    expect(newlyLost({ ...lost, lost: 9e15 }, 7)).toBe(10_000);
  });

  // Wall 1: an id is a tenant's text.
  it('that stay are named with ids of bounded length', () => {
    const round: MoverRound = {
      failed: 300,
      examined: 200,
      retried: 0,
      moved: 0,
      waiting: 0,
      left: { flowChild: 1, flowParent: 1, unreadable: 0 },
      leftIds: ['a', 'x'.repeat(10_000)],
    };
    expect(leftNotice(round)).toMatchObject({ reason: 'FlowJobsLeft', count: 2 });
    expect(leftNotice(round)!.message).toMatch(/^2 failed jobs of 200 that were looked at/);
    expect(leftNotice(round)!.message.length).toBeLessThan(500);
    const unreadable = { ...round, left: { flowChild: 0, flowParent: 0, unreadable: 1 } };
    expect(leftNotice(unreadable)).toMatchObject({ reason: 'FailedJobsUnreadable', count: 1 });
    expect(leftNotice({ ...round, left: { flowChild: 0, flowParent: 0, unreadable: 0 } })).toBeUndefined();
  });
});

describe('retention', () => {
  const result: RetentionResult = {
    removed: 3,
    freedBytes: 9,
    eventsRemoved: 5,
    left: 0,
    lateMs: 0,
    unfinished: false,
  };
  const limits = { leavesDeadLetters: false, maxBytes: 1_000_000 };
  const size = { bytes: 3e6, standardError: 1, completedBytes: 0, failedBytes: 0 };
  const notice = (changes: Partial<RetentionResult>): unknown =>
    retentionOutcome({ ...result, ...changes }, limits).notices?.RetentionBehind;

  it('is behind when more is over its time than a turn can remove', () => {
    expect(notice({ lateMs: 7_200_000, unfinished: true })).toMatchObject({ reason: 'RetentionLate', count: 120 });
    expect(notice({ lateMs: 7_200_000 })).toBeUndefined();
    expect(notice({ lateMs: 60_000, unfinished: true })).toBeUndefined();
  });

  it('says when nothing is left to remove, and how much it is over', () => {
    expect(notice({ overBytes: 2e6, size })).toMatchObject({
      reason: 'OverMaxBytes',
      message: expect.stringMatching(/about 3\.00 MB, 2\.00 MB more than retention\.maxBytes \(1\.00 MB\)/),
    });
    expect(notice({ size })).toBeUndefined();
  });

  it('lets what was said stand while a pass has not come to its end', () => {
    expect(retentionOutcome({ ...result, size, rests: true }, limits)).toEqual({
      done: { removed: 3, eventsRemoved: 5 },
    });
    expect(notice({ size, rests: true, overBytes: 2e6 })).toMatchObject({ reason: 'OverMaxBytes' });
  });

  it('says nothing of a queue that could not be read, or is another’s by now', () => {
    const error = new Error('WRONGTYPE');
    expect(retentionOutcome({ ...result, error }, limits)).toEqual({ done: { removed: 3, eventsRemoved: 5 }, error });
    expect(retentionOutcome({ ...result, ownershipLost: true }, limits)).toEqual({
      done: { removed: 3, eventsRemoved: 5 },
    });
  });
});

const found = (withoutPriority: number, undeclared: number, unfinished = false): PriorityResult => ({
  counts: { redisTimeMs: 0, withoutPriority, undeclared, declared: [] },
  clamped: 0,
  unfinished,
});
const violation = (result: PriorityResult, clamps = false): unknown =>
  priorityOutcome(result, clamps).notices?.PrioritiesViolated;

describe('priorities', () => {
  it('that are not declared are counted, and none before others', () => {
    expect(violation(found(0, 0))).toBeUndefined();
    expect(violation(found(0, 2))).toMatchObject({ reason: 'UndeclaredPriorities', count: 2 });
    expect(violation(found(1, 2))).toMatchObject({
      reason: 'JobsWithoutPriority',
      count: 3,
      message: expect.stringMatching(
        /^1 job in line without a priority, .* and 2 jobs in line .*priorityPolicy: Clamp/,
      ),
    });
  });

  it('that were clamped are no news, unless some are left', () => {
    expect(violation(found(5, 5), true)).toBeUndefined();
    expect(violation(found(5, 5, true), true)).toMatchObject({ message: expect.stringContaining('in steps') });
  });
});
