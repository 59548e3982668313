import { describe, expect, it } from 'vitest';
import { RetryLaterError } from '@redis-queue/controller';
import { CircuitBreakers, type CircuitOpenError } from './circuit-breaker.ts';

// Walls 1 to 3: a Redis that hangs holds up its own queues, and nobody else's.

const hang = (): Promise<never> => new Promise(() => undefined);
const answer = (): Promise<string> => Promise.resolve('PONG');
const slow = (): Promise<string> => new Promise((resolve) => void setTimeout(resolve, 1, 'PONG'));
const refuse = (): Promise<never> => Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
const forbid = (): Promise<never> => Promise.reject(new Error('NOPERM this user has no permissions'));

function breakers(slots = 8, timeoutMs = 20) {
  const clock = { nowMs: 0 };
  return { clock, circuits: new CircuitBreakers({ slots, timeoutMs, now: () => clock.nowMs }) };
}
const outcome = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'done',
    (error: Error) => (error instanceof RetryLaterError ? 'not begun' : error.message),
  );

describe('a Redis that has not proven itself', () => {
  it('gets one call at a time', async () => {
    const { circuits } = breakers();
    const first = circuits.run('new', hang);
    expect(await outcome(circuits.run('new', answer))).toBe('not begun');
    await expect(first).rejects.toThrow('no answer in 0.01 s');
  });

  it('shares half of the slots with all others like it, so that they never take every worker', async () => {
    const { circuits } = breakers(8);
    await circuits.run('good', answer);
    const hanging = ['a', 'b', 'c', 'd', 'e', 'f'].map((target) => outcome(circuits.run(target, hang)));
    expect(await outcome(circuits.run('good', answer))).toBe('done');
    expect((await Promise.all(hanging)).length).toBe(6);
    expect(circuits.openTargets()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('does not wait for those that are known to hang: they get a quarter', async () => {
    const { clock, circuits } = breakers(8);
    for (const target of ['a', 'b', 'c']) await outcome(circuits.run(target, hang));
    clock.nowMs += 1_000;
    const failing = ['a', 'b', 'c'].map((target) => outcome(circuits.run(target, hang)));
    const fresh = ['d', 'e', 'f', 'g'].map((target) => outcome(circuits.run(target, answer)));
    expect(await Promise.all(fresh)).toEqual(['done', 'done', 'done', 'done']);
    expect(await failing[2]).toBe('not begun');
    await Promise.all(failing);
  });
});

describe('a Redis that does not answer', () => {
  it('is left alone for longer and longer, up to half a minute, and back at once when it answers', async () => {
    const { clock, circuits } = breakers();
    const waits: number[] = [];
    for (let failures = 0; failures < 9; failures++) {
      expect(await outcome(circuits.run('gone', refuse))).toBe('connect');
      const error = (await circuits.run('gone', answer).catch((reason: unknown) => reason)) as CircuitOpenError;
      waits.push(error.retryAfterMs);
      clock.nowMs += error.retryAfterMs;
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(await outcome(circuits.run('gone', answer))).toBe('done');
    expect(circuits.openTargets()).toEqual([]);
    expect(await Promise.all([circuits.run('gone', answer), circuits.run('gone', answer)])).toEqual(['PONG', 'PONG']);
  });

  it('is not what a refused command means: that is the call’s own failure', async () => {
    const { circuits } = breakers();
    for (let calls = 0; calls < 5; calls++) expect(await outcome(circuits.run('up', forbid))).toContain('NOPERM');
    expect(circuits.openTargets()).toEqual([]);
  });

  it('leaves two slots to others even while it is trusted, and gets no more once it is suspect', async () => {
    const { clock, circuits } = breakers(4, 60_000);
    await circuits.run('big', answer);
    const running = [circuits.run('big', hang), circuits.run('big', hang)];
    expect(await outcome(circuits.run('big', answer))).toBe('not begun');
    await circuits.run('other', answer);
    void circuits.run('other', hang).catch(() => undefined);
    clock.nowMs += 500;
    expect(await outcome(circuits.run('other', answer))).toBe('not begun');
    void Promise.allSettled(running);
  });
});

it('a Redis that answers is never told that its share is used up: calls wait for each other', async () => {
  const { circuits } = breakers(4, 1_000);
  await circuits.run('big', answer);
  const calls = await Promise.all(Array.from({ length: 50 }, () => outcome(circuits.run('big', slow))));
  expect(new Set(calls)).toEqual(new Set(['done']));
});

it('forgets targets that nobody uses, except for those with a call under way', async () => {
  const { circuits } = breakers();
  await outcome(circuits.run('gone', refuse));
  circuits.forgetIdle(new Set(['gone']));
  expect(circuits.openTargets()).toEqual(['gone']);
  circuits.forgetIdle(new Set());
  expect(circuits.openTargets()).toEqual([]);
});
