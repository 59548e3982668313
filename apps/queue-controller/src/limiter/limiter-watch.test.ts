import { NO_DIGEST, type ObservedPolicy } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { LimiterWatch } from './limiter-watch.ts';

const LIMIT = { max: 200, durationMs: 2_000 };

function policy(window?: [readAtMs: number, endsAtMs: number], limit: typeof LIMIT | null = LIMIT): ObservedPolicy {
  return {
    exists: true,
    paused: false,
    legacyPaused: 0,
    digest: NO_DIGEST,
    ...(limit && { rateLimit: limit }),
    ...(window && { runningWindow: { readAtMs: window[0], endsAtMs: window[1], holdsBack: false } }),
  };
}

/** A watch on a clock of its own, and what it says of a queue after it was read. */
function stage() {
  const clock = { nowMs: 0 };
  const watch = new LimiterWatch(() => clock.nowMs);
  const read = (...args: Parameters<typeof policy>) => {
    watch.note('uid', policy(...args));
    return watch.verdict('uid')?.verdict;
  };
  return { clock, watch, read };
}
describe('a limiter of workers', () => {
  it('that makes windows shorter shows in the look just after a window has ended', () => {
    const { watch, read } = stage();
    expect(read([10_000, 10_080])).toBeUndefined();
    expect(watch.lookAgainMs('uid', policy([10_000, 10_080]))).toBe(100);
    expect(read([10_100, 10_195])).toEqual({ atLeastMs: 95, atMostMs: 195, limit: LIMIT });
  });

  it('that makes them longer shows in any window that was opened since', () => {
    const { read } = stage();
    read([10_000, 10_080]);
    expect(read([20_000, 25_000])).toEqual({ atLeastMs: 5_000, atMostMs: 15_000, limit: LIMIT });
  });

  it('shows where no limit is set, and how long ago that was', () => {
    const { clock, read, watch } = stage();
    read(undefined, null);
    expect(read([10_000, 10_500], null)).toBe('notSet');
    clock.nowMs = 16 * 60_000;
    expect(watch.verdict('uid')).toEqual({ verdict: 'notSet', ageMs: 16 * 60_000 });
  });

  it('that only some workers have is not forgotten when a window is as set, and is searched for until it is proved again', () => {
    const { clock, read, watch } = stage();
    read([10_000, 10_080]);
    const proved = read([10_100, 10_195]);
    expect(proved).toMatchObject({ atMostMs: 195 });
    clock.nowMs = 6 * 60_000;
    expect(watch.takeDue('uid')).toBe(true);
    read([370_000, 370_080]);
    expect(read([370_100, 372_090])).toEqual(proved);
    expect(watch.verdict('uid')?.ageMs).toBe(6 * 60_000);
    clock.nowMs = 7 * 60_000;
    expect(watch.takeDue('uid')).toBe(true);
    read([430_000, 430_080]);
    expect(read([430_100, 430_195])).toEqual(proved);
    expect(watch.verdict('uid')?.ageMs).toBe(0);
    clock.nowMs = 11 * 60_000;
    expect(watch.takeDue('uid')).toBe(false);
    clock.nowMs = 23 * 60_000;
    read([1_300_000, 1_300_080]);
    expect(read([1_300_100, 1_302_090])).toBe('asSet');
    clock.nowMs = 24 * 60_000;
    expect(watch.takeDue('uid')).toBe(false);
    // Of another limit it says nothing.
    expect(read(undefined, { max: 1, durationMs: 100 })).toBeUndefined();
  });

  it('is not known of another limit', () => {
    const { read } = stage();
    read([10_000, 10_080]);
    expect(read([10_100, 10_195])).toBeDefined();
    expect(read(undefined, null)).toBeUndefined();
  });

  it('is not taken for one while the window of the limit before runs out', () => {
    const { read } = stage();
    read([10_000, 10_200], { max: 10, durationMs: 300 });
    expect(read([10_100, 12_500], { max: 20, durationMs: 300 })).toBeUndefined();
    expect(read([12_520, 12_805], { max: 20, durationMs: 300 })).toBe('asSet');
  });

  it('costs no further look for five minutes once it is known that there is none', () => {
    const { clock, watch, read } = stage();
    read([10_000, 10_080]);
    expect(read([10_100, 12_082])).toBe('asSet');
    expect(watch.lookAgainMs('uid', policy([10_100, 12_082]))).toBeUndefined();
    clock.nowMs = 5 * 60_000;
    expect(watch.lookAgainMs('uid', policy([10_100, 12_082]))).toBe(2_002);
    expect(watch.lookAgainMs('uid', policy())).toBeUndefined();
  });

  it('is looked for at the end of a window every five seconds at most, however often the limit changes', () => {
    const { clock, watch, read } = stage();
    const asked = [0, 100, 4_900, 5_000, 5_100].map((nowMs, index) => {
      clock.nowMs = nowMs;
      read([10_000 + nowMs, 10_080 + nowMs], { max: index + 1, durationMs: 2_000 });
      return watch.lookAgainMs('uid', policy([10_000 + nowMs, 10_080 + nowMs])) !== undefined;
    });
    expect(asked).toEqual([true, false, false, true, false]);
  });

  it('is looked for in a busy queue every five minutes, and once a minute until something is known', () => {
    const { clock, watch, read } = stage();
    const due = (nowMs: number): boolean => {
      clock.nowMs = nowMs;
      return watch.takeDue('uid');
    };
    expect([0, 30_000, 60_000].map(due)).toEqual([true, false, true]);
    read([10_000, 10_080]);
    read([10_100, 12_082]);
    expect([120_000, 359_000, 360_000].map(due)).toEqual([false, false, true]);
  });
});
