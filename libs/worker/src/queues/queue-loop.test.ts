import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answeredBeforeLeaving } from './queue-loop.ts';

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
