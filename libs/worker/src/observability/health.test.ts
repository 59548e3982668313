import { describe, expect, it } from 'vitest';
import { STUCK_AFTER_MS } from '../queues/turn-watch.ts';
import { liveness, readiness, reportedOnce, UNRENEWED_AFTER_MS, type HealthInput, type LoopHealth } from './health.ts';

const NOW = 10_000_000;
const SLOTS = { total: 4, taken: 1, stuck: 0 };

function health(changed: Partial<HealthInput> = {}, loop: Partial<LoopHealth> = {}): HealthInput {
  const progress: LoopHealth = {
    queue: 'emails',
    step: 'wait',
    sinceMs: NOW - 1000,
    turnedMs: NOW - 1000,
    fetching: true,
    rests: false,
    ...loop,
  };
  return {
    nowMs: NOW,
    connectedSinceMs: 0,
    draining: false,
    loops: [progress],
    stuckAfterMs: STUCK_AFTER_MS,
    locksRenewedMs: NOW,
    slots: SLOTS,
    ...changed,
  };
}

describe('liveness', () => {
  it('holds while loops move', () => {
    expect(liveness(health()).ok).toBe(true);
  });

  const LONG_AGO = { turnedMs: NOW - STUCK_AFTER_MS - 1, sinceMs: NOW - STUCK_AFTER_MS - 1 };

  it.each(['slot', 'fetch', 'wait', 'limited'] as const)(
    'is lost when a loop does not turn in step %s although Redis is there',
    (step) => {
      const { ok, message } = liveness(health({}, { ...LONG_AGO, step }));
      expect([ok, message]).toEqual([false, expect.stringMatching(/^queue emails: nothing was fetched for 60 s/)]);
    },
  );

  it('holds while a loop has reason not to turn, and in a drain', () => {
    expect(liveness(health({}, { ...LONG_AGO, rests: true })).ok).toBe(true);
    expect(liveness(health({ draining: true }, LONG_AGO)).ok).toBe(true);
  });

  it('holds while Redis is away, however long, and gets its full time when Redis is back', () => {
    const stuck = { step: 'fetch' as const, sinceMs: 0, turnedMs: 0 };
    expect(liveness(health({ connectedSinceMs: undefined }, stuck)).ok).toBe(true);
    expect(liveness(health({ connectedSinceMs: NOW - 10 }, stuck)).ok).toBe(true);
  });

  it('is lost when only this process has no connection: Redis has answered on another one for a minute', () => {
    const away = health({ connectedSinceMs: undefined }, LONG_AGO);
    expect(liveness({ ...away, answersSinceMs: NOW - 10 }).ok).toBe(true);
    const { ok, message } = liveness({ ...away, answersSinceMs: NOW - STUCK_AFTER_MS - 1 });
    expect([ok, message]).toEqual([false, expect.stringContaining('Redis answers on another connection')]);
  });

  it('holds while fetches fail one after the other, as on a Cluster whose node is gone, until Redis answers elsewhere', () => {
    const failing = health({}, { ...LONG_AGO, step: 'fetch', sinceMs: NOW - 500 });
    expect(liveness(failing).ok).toBe(true);
    expect(liveness({ ...failing, answersSinceMs: NOW - STUCK_AFTER_MS - 1 }).ok).toBe(false);
  });

  it('is lost too when the connection comes and goes, and Redis answers on another one', () => {
    const flapping = { connectedSinceMs: NOW - 10, answersSinceMs: NOW - STUCK_AFTER_MS - 1 };
    expect(liveness(health(flapping, LONG_AGO)).ok).toBe(false);
  });

  it('is reported once, until it is found again', () => {
    const reported: string[] = [];
    let stuck: Partial<LoopHealth> = LONG_AGO;
    const probe = reportedOnce(
      () => liveness(health({}, stuck)),
      (reason) => reported.push(reason),
    );
    probe();
    expect(probe().ok).toBe(false);
    stuck = {};
    probe();
    stuck = LONG_AGO;
    probe();
    expect(reported.length).toBe(2);
  });

  it('holds while all slots are taken by long jobs whose locks are renewed', () => {
    const long = health({ oldestJobMs: 0 }, { step: 'slot', sinceMs: 0, turnedMs: 0, rests: true });
    expect(liveness(long).ok).toBe(true);
    expect(liveness({ ...long, locksRenewedMs: NOW - UNRENEWED_AFTER_MS - 1 }).ok).toBe(false);
  });

  it('says for how long the oldest job has run once no slot is free', () => {
    const oldestJobMs = NOW - 3_700_000;
    expect(liveness(health({ oldestJobMs })).message).toBe('making progress');
    expect(liveness(health({ oldestJobMs, slots: { ...SLOTS, taken: 4 } }))).toEqual({
      ok: true,
      message: 'all 4 slots are in use; the oldest job has run for 61 min',
    });
  });

  it('is lost with the last slot that a handler does not give back, as is readiness, and not before', () => {
    const some = health({ slots: { total: 4, taken: 4, stuck: 3 } });
    expect([liveness(some).ok, readiness(some).ok]).toEqual([true, true]);
    const all = health({ slots: { total: 4, taken: 4, stuck: 4 } });
    for (const verdict of [liveness(all), readiness(all)]) {
      expect(verdict).toEqual({ ok: false, message: expect.stringMatching(/^all 4 slots are given up/) as string });
    }
    expect(liveness({ ...all, connectedSinceMs: undefined }).ok).toBe(true);
  });

  it('asks for no renewal when no job runs, or the job is young', () => {
    expect(liveness(health({ locksRenewedMs: 0 })).ok).toBe(true);
    expect(liveness(health({ locksRenewedMs: 0, oldestJobMs: NOW - 1000 })).ok).toBe(true);
  });
});

describe('readiness', () => {
  it('needs a connection, a fetch of every queue, and no drain', () => {
    expect(readiness(health()).ok).toBe(true);
    const away = health({ connectedSinceMs: undefined, redisError: 'connect ECONNREFUSED' });
    expect(readiness(away).message).toBe('Redis is unreachable; reconnecting (connect ECONNREFUSED)');
    expect(readiness(health({}, { fetching: false })).message).toBe('not fetching yet from emails');
    expect(readiness(health({ draining: true })).message).toBe('draining');
  });
});
