import { describe, expect, it } from 'vitest';
import { decide, type FailedJob } from './decide.ts';

const NOW = 1_700_000_000_000;
const job = (changes: Partial<FailedJob> = {}): FailedJob => ({
  id: '1',
  finishedOn: NOW - 1_000,
  attemptsMade: 1,
  retries: 0,
  attempts: 1,
  unrecoverable: false,
  stalled: false,
  ...changes,
});
const action = (changes: Partial<FailedJob>, maxRetries: number) => decide(job(changes), { maxRetries }, NOW).action;

describe('how often a job runs', () => {
  it.each([
    { attempts: 1, maxRetries: 0, runs: 1 },
    { attempts: 1, maxRetries: 3, runs: 4 },
    { attempts: 3, maxRetries: 1, runs: 3 },
    { attempts: 3, maxRetries: 5, runs: 6 },
  ])('attempts $attempts and maxRetries $maxRetries: $runs times', ({ attempts, maxRetries, runs }) => {
    // BullMQ itself runs it until its attempts are used up.
    for (let attemptsMade = attempts; attemptsMade < runs; attemptsMade++)
      expect(action({ attempts, attemptsMade, retries: attemptsMade - attempts }, maxRetries)).toBe('retry');
    expect(action({ attempts, attemptsMade: runs }, maxRetries)).toBe('move');
  });

  it('is bounded by our own retries where BullMQ counts no attempt', () => {
    expect(action({ attemptsMade: 0, retries: 2, stalled: true }, 3)).toBe('retry');
    expect(action({ attemptsMade: 0, retries: 3, stalled: true }, 3)).toBe('move');
  });
});

it('a failure that BullMQ does not retry although attempts are left is final', () => {
  expect(action({ unrecoverable: true }, 3)).toBe('move');
  expect(action({ unrecoverable: true, attempts: 5 }, 3)).toBe('move');
  expect(action({ attempts: 5, attemptsMade: 2 }, 9)).toBe('move');
});

it('a job that stalled too often runs again, also when the failure was written as an UnrecoverableError', () => {
  expect(action({ unrecoverable: true, stalled: true }, 1)).toBe('retry');
  expect(action({ unrecoverable: true, stalled: true, attempts: 5, attemptsMade: 2 }, 0)).toBe('retry');
  expect(action({ unrecoverable: true, stalled: true, attemptsMade: 2 }, 1)).toBe('move');
});

it('the next run is due when the backoff after its last one has passed', () => {
  const backoff = { type: 'exponential', delay: 600 };
  expect(decide(job({ backoff }), { maxRetries: 3 }, NOW)).toEqual({ action: 'retry' });
  expect(decide(job({ backoff, attemptsMade: 2 }), { maxRetries: 3 }, NOW)).toEqual({
    action: 'wait',
    untilMs: NOW + 200,
  });
  expect(decide(job({ backoff, attemptsMade: 2 }), { maxRetries: 3 }, NOW + 200)).toEqual({ action: 'retry' });
  // No time is waited before a job is dead.
  expect(decide(job({ backoff, attemptsMade: 4 }), { maxRetries: 3 }, NOW)).toEqual({ action: 'move' });
});

it('who counts failures sees each: a failed job stays one for a while, dead or not', () => {
  const policy = { maxRetries: 1, restMs: 5_000 };
  for (const attemptsMade of [1, 2]) {
    const until = { action: 'wait', untilMs: NOW + 4_000 };
    expect(decide(job({ attemptsMade }), policy, NOW)).toEqual(until);
    expect(decide(job({ attemptsMade }), policy, NOW + 4_000).action).toBe(attemptsMade === 1 ? 'retry' : 'move');
  }
  const backoff = { type: 'fixed', delay: 9_000 };
  expect(decide(job({ backoff }), policy, NOW)).toEqual({ action: 'wait', untilMs: NOW + 8_000 });
});

it('of a flow nothing is touched, dead or not', () => {
  for (const maxRetries of [0, 3]) {
    expect(decide(job({ flow: 'child' }), { maxRetries }, NOW)).toEqual({ action: 'leave', reason: 'flowChild' });
    expect(decide(job({ flow: 'parent' }), { maxRetries }, NOW)).toEqual({ action: 'leave', reason: 'flowParent' });
  }
});
