import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { drain, planDrain, type DrainStages } from './drain.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function stages() {
  const log: [string, number][] = [];
  const started = Date.now();
  const note = (what: string) => () => void log.push([what, Date.now() - started]);
  const { promise: idle, resolve: becomeIdle } = Promise.withResolvers<void>();
  const hurry = new AbortController();
  const all: DrainStages = {
    stop: note('stop'),
    abort: note('abort'),
    handBack: note('hand back'),
    idle,
    hurry: hurry.signal,
  };
  return { log, all, becomeIdle, hurry };
}

const plan = planDrain(30_000, 600_000);

describe('a drain', () => {
  it('ends at once when no job runs', async () => {
    const { log, all, becomeIdle } = stages();
    becomeIdle();
    expect(await drain(plan, all)).toBe('finished');
    expect(log).toEqual([['stop', 0]]);
  });

  it('asks handlers to stop after the grace period and ends when they have', async () => {
    const { log, all, becomeIdle } = stages();
    setTimeout(becomeIdle, 31_000);
    const outcome = drain(plan, all);
    await vi.runAllTimersAsync();
    expect(await outcome).toBe('stopped');
    expect(log).toEqual([
      ['stop', 0],
      ['abort', 30_000],
    ]);
  });

  it('hands back before the maximum, and ends then although Redis does not answer', async () => {
    const { log, all } = stages();
    const outcome = drain(plan, all);
    await vi.runAllTimersAsync();
    expect(await outcome).toBe('abandoned');
    expect(log.at(-1)).toEqual(['hand back', 595_000]);
  });

  it('hands back at once on a second signal', async () => {
    const { log, all, hurry, becomeIdle } = stages();
    setTimeout(() => hurry.abort(), 1_000);
    setTimeout(becomeIdle, 1_005);
    const outcome = drain(plan, all);
    await vi.runAllTimersAsync();
    expect(await outcome).toBe('handed back');
    expect(log.map(([what, atMs]) => `${what} ${atMs}`)).toEqual(['stop 0', 'abort 1000', 'hand back 1000']);
  });

  it('keeps time to hand back even when the grace period is the whole drain time', () => {
    expect(planDrain(10_000, 10_000)).toEqual({ abortAfterMs: 8_000, handBackAfterMs: 8_000, endAfterMs: 10_000 });
    expect(planDrain(0, 0)).toEqual({ abortAfterMs: 0, handBackAfterMs: 0, endAfterMs: 0 });
  });
});
