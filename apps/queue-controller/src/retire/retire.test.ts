import { API_VERSION, type Queue, type QueueSpec } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { drainDueMs, drained } from './drained.ts';
import { EmptyTimes } from './empty-times.ts';
import { emptySample } from '../testing/queues.ts';

const EMPTY = emptySample({ completed: 9, failed: 9, addCounter: 5 });
const retired: QueueSpec = { retire: true };
const queueOf = (spec: QueueSpec): Queue => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name: 'emails', uid: 'u1' },
  spec,
});

describe('for how long a retired queue has been empty', () => {
  it('is counted from the first sample without a job, and anew when jobs came in between', () => {
    let nowMs = 1_000;
    const times = new EmptyTimes(() => nowMs);
    const note = (sample: Partial<QueueSample> = {}, spec = retired) =>
      times.note(queueOf(spec), { sample: { ...EMPTY, ...sample } });
    expect(note({ active: 1 })).toBeUndefined();
    expect(note()).toBe(0);
    nowMs += 40_000;
    expect(note()).toBe(40_000);
    expect(note({ addCounter: 6 })).toBe(0);
    nowMs += 60_000;
    expect(note({ addCounter: 6 })).toBe(60_000);
    expect(note({ addCounter: 6 }, {})).toBeUndefined();
    expect(note({ addCounter: 6 })).toBe(0);
    expect(times.note(queueOf(retired), {})).toBeUndefined();
  });

  it.each(['waiting', 'prioritized', 'active', 'delayed', 'waitingChildren', 'legacyPaused'] as const)(
    'does not count while one is %s',
    (state) => expect(new EmptyTimes().note(queueOf(retired), { sample: { ...EMPTY, [state]: 1 } })).toBeUndefined(),
  );

  it('does not count while a job has failed that dlqPolicy may run again', () => {
    const times = new EmptyTimes();
    const spec = { ...retired, dlqPolicy: { enabled: true, maxRetries: 3 } };
    expect(times.note(queueOf(spec), { sample: EMPTY })).toBeUndefined();
    expect(times.note(queueOf({ ...spec, dlqPolicy: { enabled: false } }), { sample: EMPTY })).toBeDefined();
  });

  it.each([
    ['a job ran of which nothing is left', {}, '6-0', 0],
    ['a job that had been there was completed', { completed: 10 }, undefined, 0],
    ['a job that had been there failed', { failed: 10 }, undefined, 0],
    ['nothing happened', {}, '5-0', 40_000],
    ['finished jobs were removed, and hide the last run', { completed: 2, failed: 1 }, undefined, 40_000],
  ])('%s', (_, sample, lastRun, expected) => {
    let nowMs = 1_000;
    const times = new EmptyTimes(() => nowMs);
    times.note(queueOf(retired), { sample: EMPTY, lastRun: '5-0' });
    nowMs += 40_000;
    expect(times.note(queueOf(retired), { sample: { ...EMPTY, ...sample }, lastRun })).toBe(expected);
    expect(times.note(queueOf(retired), { sample: { ...EMPTY, ...sample }, lastRun: lastRun ?? '5-0' })).toBe(expected);
  });
});

describe('Drained', () => {
  it('is only said of a retired queue', () => {
    expect(drained({ spec: {}, sample: EMPTY })).toBeUndefined();
    expect(drainDueMs({ spec: {}, sample: EMPTY })).toBeUndefined();
  });

  it('says what is left, and who adds more', () => {
    const sample = { ...EMPTY, waiting: 2, prioritized: 3, active: 1, delayed: 4, waitingChildren: 6, schedulers: 1 };
    expect(drained({ spec: retired, sample: { ...sample, paused: true } })).toEqual({
      status: 'False',
      reason: 'Draining',
      message:
        'jobs left: 5 waiting, 1 running, 4 delayed; flow parents that wait for their children: 6; job schedulers that this Queue has not declared, and that add more: 1; the queue is paused, so no job starts',
    });
    const spec = { ...retired, dlqPolicy: { enabled: true } };
    expect(drained({ spec, sample })?.message).toContain('failed jobs: 9, which dlqPolicy runs again or moves');
    expect(drainDueMs({ spec: retired, sample })).toBe(30_000);
    expect(drained({ spec: retired, sample, removed: 1 })?.message).not.toContain('not declared');
    expect(drainDueMs({ spec: retired, sample, removed: 1 })).toBe(1_000);
  });

  it('is True once the queue has been empty for a minute, and is looked at again in time', () => {
    const facts = { spec: retired, sample: EMPTY };
    expect(drained({ ...facts, emptyForMs: 59_999 })).toMatchObject({ status: 'False', reason: 'Draining' });
    expect(drainDueMs({ ...facts, emptyForMs: 59_000 })).toBe(1_000);
    expect(drained({ ...facts, emptyForMs: 60_000 })).toMatchObject({ reason: 'Empty' });
    expect(drainDueMs({ ...facts, emptyForMs: 60_000 })).toBe(60_000);
  });

  it('is Unknown, with the reason, while the queue cannot be read', () => {
    const problem = { reason: 'RedisUnreachable', message: 'no' } as const;
    expect(drained({ spec: retired, problem })).toEqual({ status: 'Unknown', ...problem });
  });
});
