import type { Queue, QueueSpec } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { queueObject } from '../testing/queues.ts';
import type { WindowVerdict } from './limiter-watch.ts';
import { limiterEndsMs, workerLimiter, type WorkerLimiter } from './notice.ts';

const LIMIT = { max: 200, durationMs: 2_000 };
const LIMITED: QueueSpec = { rateLimits: { maxJobsPerSecond: 100, burstCapacity: 200 } };
const SHORTER: WindowVerdict = { atLeastMs: 95, atMostMs: 195, limit: LIMIT };
const START = Date.parse('2026-03-04T05:00:00Z');
const MINUTE_MS = 60_000;
const at = (minutes: number): Date => new Date(START + minutes * MINUTE_MS);

/** The queue as its status has it after that was said. */
function saying(said: WorkerLimiter | undefined, spec: QueueSpec = LIMITED): Queue {
  if (!said) return queueObject(spec);
  const condition = { type: 'WorkerLimiter', status: 'True', lastTransitionTime: '', ...said.notice } as const;
  return queueObject(spec, {}, { conditions: [condition], workerLimiterSeenAt: said.seenAt });
}

const overridden = workerLimiter(queueObject(LIMITED), {
  windows: { verdict: SHORTER, ageMs: 0 },
  limit: LIMIT,
  now: at(0),
});

describe('what is said of limiters that workers bring', () => {
  it('names what it does to the windows, and when they showed it', () => {
    expect(overridden).toEqual({
      notice: {
        reason: 'RateLimitOverridden',
        message: expect.stringContaining('2000 ms of the rate limit shorter') as string,
      },
      seenAt: '2026-03-04T05:00:00Z',
    });
    const longer: WindowVerdict = { atLeastMs: 5_000, atMostMs: 15_000, limit: LIMIT };
    const windows = { verdict: longer, ageMs: 0 };
    const { notice } = workerLimiter(queueObject(), { windows, limit: LIMIT, now: at(0) })!;
    expect(notice.reason).toBe('WorkerLimiter');
    expect(notice.message).toContain('longer, so that fewer jobs start');
    const without = { windows: { verdict: 'notSet', ageMs: 0 }, now: at(0) } as const;
    expect(workerLimiter(queueObject(), without)?.notice.message).toContain('for one limit over all');
  });

  it.each<[string, WindowVerdict]>([
    ['breaks a limit', SHORTER],
    ['is there without one', 'notSet'],
  ])('ends 15 minutes after the last proof, in this process and after a restart: that it %s', (_, verdict) => {
    const limit = verdict === 'notSet' ? undefined : LIMIT;
    const spec = limit ? LIMITED : {};
    const known = (minutes: number) => ({
      windows: { verdict, ageMs: minutes * MINUTE_MS },
      limit,
      now: at(minutes),
    });
    const said = workerLimiter(queueObject(spec), known(0));
    const queue = saying(said, spec);
    expect(workerLimiter(queue, known(15))).toEqual(said);
    expect(workerLimiter(queue, known(16))).toBeUndefined();
    expect(workerLimiter(queue, { limit, now: at(15) })).toEqual(said);
    expect(workerLimiter(queue, { limit, now: at(16) })).toBeUndefined();
    // A clock that is set back by more is no proof either.
    expect(workerLimiter(queue, { limit, now: at(-16) })).toBeUndefined();
  });

  it('goes on with each proof, whose time is written every five minutes at most', () => {
    const proved = (minutes: number, said = overridden) =>
      workerLimiter(saying(said), { windows: { verdict: SHORTER, ageMs: 0 }, limit: LIMIT, now: at(minutes) });
    expect(proved(4)).toEqual(overridden);
    expect(proved(5)).toEqual({ ...overridden, seenAt: '2026-03-04T05:05:00Z' });
    expect(proved(1_000)).toEqual({ ...overridden, seenAt: '2026-03-04T21:40:00Z' });
  });

  it('is said on when a window is as set, as others may not be, until 15 minutes after the last proof', () => {
    const windows = { verdict: 'asSet', ageMs: 0 } as const;
    expect(workerLimiter(saying(overridden), { windows, limit: LIMIT, now: at(1) })).toEqual(overridden);
    expect(workerLimiter(saying(overridden), { windows, limit: LIMIT, now: at(16) })).toBeUndefined();
    expect(workerLimiter(saying(undefined), { windows, limit: LIMIT, now: at(1) })).toBeUndefined();
  });

  it('is looked at again when it ends', () => {
    const status = saying(overridden).status!;
    expect(limiterEndsMs(status, { windows: { verdict: SHORTER, ageMs: 60_000 }, nowMs: at(3).getTime() })).toBe(
      841_000,
    );
    expect(limiterEndsMs(status, { windows: { verdict: 'asSet', ageMs: 0 }, nowMs: at(3).getTime() })).toBe(721_000);
    expect(limiterEndsMs(status, { nowMs: at(3).getTime() })).toBe(721_000);
    expect(limiterEndsMs(status, { nowMs: at(20).getTime() })).toBe(1_000);
    expect(limiterEndsMs({}, { nowMs: at(3).getTime() })).toBeUndefined();
  });

  it.each([
    ['none', undefined],
    ['one of another length', { max: 200, durationMs: 1_000 }],
  ])('ends at once when the limit that it names is not set any more, but %s', (_, limit) => {
    const windows = { verdict: SHORTER, ageMs: 0 };
    for (const known of [{ windows }, {}])
      expect(workerLimiter(saying(overridden), { ...known, limit, now: at(1) })).toBeUndefined();
  });

  it('is not said by a status of an earlier release, which does not tell when it was seen', () => {
    const queue = saying(overridden);
    const { workerLimiterSeenAt: _, ...status } = queue.status!;
    expect(workerLimiter({ ...queue, status }, { limit: LIMIT, now: at(1) })).toBeUndefined();
  });
});
