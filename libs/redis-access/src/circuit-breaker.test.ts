import { describe, expect, it } from 'vitest';
import { CircuitBreakers, CircuitOpenError } from './circuit-breaker.ts';

// Walls 1 to 3: a Redis that hangs costs each of its queues little time, and is asked by one call for all.

const hang = (): Promise<never> => new Promise(() => undefined);
const answer = (): Promise<string> => Promise.resolve('PONG');
const refuse = (): Promise<never> => Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
const replyError = (message: string) => () => Promise.reject(Object.assign(new Error(message), { name: 'ReplyError' }));

function breakers(timeoutMs = 20) {
  const clock = { nowMs: 0 };
  const seen = { opened: 0, refused: 0, recovered: [] as string[] };
  const circuits = new CircuitBreakers({
    timeoutMs,
    now: () => clock.nowMs,
    observer: { opened: () => void seen.opened++, refused: () => void seen.refused++ },
    onRecovered: (targetKey) => void seen.recovered.push(targetKey),
  });
  return { clock, circuits, seen };
}
const outcome = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'done',
    (error: Error) => (error instanceof CircuitOpenError ? 'unreachable' : error.message),
  );

describe('a Redis of which nothing is known', () => {
  it('is asked by one call, and the others begin when that is answered', async () => {
    const { circuits } = breakers(60_000);
    const probe = Promise.withResolvers<string>();
    let begun = 0;
    const first = circuits.run('new', () => probe.promise);
    const others = Array.from({ length: 50 }, () => outcome(circuits.run('new', () => (begun++, answer()))));
    await Promise.resolve();
    expect(begun).toBe(0);
    probe.resolve('PONG');
    expect(await first).toBe('PONG');
    expect(new Set(await Promise.all(others))).toEqual(new Set(['done']));
  });

  it('fails all who wait when it does not answer that call, and no other is begun', async () => {
    const { circuits, seen } = breakers();
    let begun = 0;
    const calls = Array.from({ length: 50 }, () => outcome(circuits.run('new', () => (begun++, hang()))));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['unreachable']));
    expect(begun).toBe(1);
    expect(seen).toMatchObject({ opened: 1, refused: 49 });
  });

  it('is asked by the next when the first says nothing of it', async () => {
    const { circuits } = breakers();
    const stopped = circuits.run('new', () => Promise.reject(new Error('another may lead')));
    const next = outcome(circuits.run('new', answer));
    expect(await outcome(stopped)).toBe('another may lead');
    expect(await next).toBe('done');
  });
});

describe('a Redis that does not answer', () => {
  it('has one queue probe it again, after the time for which it is left alone', async () => {
    const { clock, circuits } = breakers();
    await circuits.run('big', answer);
    const errors = await Promise.all([1, 2, 3].map(() => circuits.run('big', hang).catch((error: unknown) => error)));
    expect(errors.map((error) => (error as CircuitOpenError).probeAfterMs)).toEqual([500, undefined, undefined]);
    expect(circuits.openTargets()).toEqual(['big']);
    clock.nowMs += 500;
    expect(await outcome(circuits.run('big', answer))).toBe('done');
    expect(circuits.openTargets()).toEqual([]);
  });

  it('says why with what it failed with, to those who were refused too', async () => {
    const { circuits } = breakers();
    for (let call = 0; call < 2; call++)
      await expect(circuits.run('gone', refuse)).rejects.toMatchObject({
        name: 'CircuitOpenError',
        cause: { code: 'ECONNREFUSED' },
      });
    await expect(circuits.run('silent', hang)).rejects.toMatchObject({ cause: undefined });
  });

  it('is reported once when it answers again, at once when its connection was established', async () => {
    const { circuits, seen } = breakers();
    await outcome(circuits.run('gone', refuse));
    circuits.retry('gone');
    expect(await Promise.all([1, 2, 3].map(() => outcome(circuits.run('gone', answer))))).toEqual(
      Array.from({ length: 3 }, () => 'done'),
    );
    expect(seen.recovered).toEqual(['gone']);
  });

  it('is not what a refused command means: that is an answer', async () => {
    const { circuits, seen } = breakers();
    await outcome(circuits.run('up', refuse));
    circuits.retry('up');
    expect(await outcome(circuits.run('up', replyError('NOPERM no permissions')))).toContain('NOPERM');
    expect(circuits.openTargets()).toEqual([]);
    expect(seen.recovered).toEqual(['up']);
  });
});

it('forgets targets that nobody uses, except for those with a call under way', async () => {
  const { circuits } = breakers();
  await outcome(circuits.run('gone', refuse));
  circuits.forgetIdle(new Set(['gone']));
  expect(circuits.openTargets()).toEqual(['gone']);
  circuits.forgetIdle(new Set());
  expect(circuits.openTargets()).toEqual([]);
});
