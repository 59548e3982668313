import type { Job } from 'bullmq';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../log/log.ts';
import { answeredBeforeLeaving, serveQueue, type LoopProgress, type LoopWorker } from './queue-loop.ts';
import { Slots } from './slots.ts';
import type { Room, Suspects } from './suspects.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a pod that asks Redis', () => {
  it('waits for the answer as long as it stays, and passes on a failure', async () => {
    const stay = new AbortController().signal;
    const late = new Promise((resolve) => setTimeout(resolve, 3_600_000, 'late'));
    const answer = answeredBeforeLeaving(late, stay);
    await vi.runAllTimersAsync();
    expect(await answer).toBe('late');
    await expect(answeredBeforeLeaving(Promise.reject(new Error('LOADING')), stay)).rejects.toThrow('LOADING');
  });

  it('takes an answer that comes while it leaves, and goes without one after 5 s', async () => {
    const leave = new AbortController();
    const soon = answeredBeforeLeaving(new Promise((resolve) => setTimeout(resolve, 4_000, 'soon')), leave.signal);
    const never = answeredBeforeLeaving(new Promise(() => undefined), leave.signal);
    leave.abort();
    const startedMs = Date.now();
    expect(await vi.runAllTimersAsync().then(() => Promise.all([soon, never]))).toEqual(['soon', undefined]);
    expect(Date.now() - startedMs).toBe(5_000);
  });

  it('waits no longer either when it has begun to leave before', async () => {
    const never = answeredBeforeLeaving(new Promise(() => undefined), AbortSignal.abort());
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await never).toBeUndefined();
  });
});

it('a room that comes when its worker has been paused meanwhile is given back', async () => {
  const slots = new Slots(2);
  const halt = new AbortController();
  const made = Promise.withResolvers<Room>();
  const worker: Partial<LoopWorker> = {
    halted: halt.signal,
    resumed: new Promise(() => undefined),
    limited: false,
    nextToken: () => 'token',
    fetch: async () => await Promise.resolve({ job: { id: '1' } as Job }),
    stillRuns: async () => await Promise.resolve(false),
    reconnect: async () => await Promise.resolve(),
  };
  const suspects: Pick<Suspects, 'admit' | 'makeRoom'> = {
    admit: () => undefined,
    makeRoom: async ({ queue }) => {
      slots.release(queue);
      return await made.promise;
    },
  };
  const served = serveQueue({
    worker: worker as LoopWorker,
    slots,
    suspects: suspects as Suspects,
    progress: { queue: 'emails', step: 'slot', sinceMs: 0, turnedMs: 0, fetching: false },
    stop: new AbortController().signal,
    log: createLog('error', Date.now, () => undefined),
    outages: { warn: () => undefined },
    monotonic: () => 0,
  });
  await vi.advanceTimersByTimeAsync(0);
  halt.abort();
  await vi.advanceTimersByTimeAsync(5_000);
  await served;
  const widen = slots.narrow(1);
  await slots.take('emails', new AbortController().signal);
  expect(slots.free).toBe(0);
  made.resolve({ widen, over: AbortSignal.abort() });
  await vi.advanceTimersByTimeAsync(0);
  expect(slots.free).toBe(2);
});

it('a worker that waits for work ends at once when its pod leaves: the wait is interrupted', async () => {
  const waiting = Promise.withResolvers<undefined>();
  const worker: Partial<LoopWorker> = {
    halted: new AbortController().signal,
    resumed: new Promise(() => undefined),
    limited: false,
    nextToken: () => 'token',
    fetch: async () => await Promise.resolve({}),
    takeMarker: async () => await waiting.promise,
    interrupt: async () => await Promise.resolve(waiting.resolve(undefined)),
  };
  const leave = new AbortController();
  const progress: LoopProgress = { queue: 'emails', step: 'slot', sinceMs: 0, fetching: false, turnedMs: 0 };
  const served = serveQueue({
    worker: worker as LoopWorker,
    slots: new Slots(1),
    suspects: {} as Suspects,
    progress,
    stop: leave.signal,
    log: createLog('error', Date.now, () => undefined),
    outages: { warn: () => undefined },
    monotonic: () => 0,
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(progress.step).toBe('wait');
  leave.abort();
  // no timer has to fire
  await served;
  expect(vi.getTimerCount()).toBe(0);
});
