import { describe, expect, it } from 'vitest';
import { retryAfterMs, soonestMs, spreadMs } from './requeue.ts';

const NOW = new Date('2026-03-04T05:06:07Z');
const since = (seconds: number) => {
  const lastTransitionTime = new Date(NOW.getTime() - seconds * 1000).toISOString();
  return [{ type: 'Ready', status: 'False' as const, reason: 'RedisUnreachable', message: 'no', lastTransitionTime }];
};

describe('coming back to a problem', () => {
  it('waits as long as it has lasted, from 1 s to 60 s, and remembers across restarts', () => {
    expect([0, 1, 10, 60, 3600].map((seconds) => retryAfterMs(since(seconds), NOW, 0.5))).toEqual([
      1_000, 1_000, 10_000, 60_000, 60_000,
    ]);
    expect(retryAfterMs(undefined, NOW, 0.5)).toBe(1_000);
  });

  it('spreads by a tenth', () => {
    expect(retryAfterMs(since(60), NOW, 0)).toBe(54_000);
    expect(retryAfterMs(since(60), NOW, 0.999)).toBeLessThan(66_000);
    expect([0, 0.5, 1].map((random) => spreadMs(1_000, random))).toEqual([900, 1_000, 1_100]);
  });
});

describe('the soonest wait', () => {
  it('is the shortest that is known, never negative, and none where nothing is waited for', () => {
    expect(soonestMs([undefined, 5, 3])).toBe(3);
    expect(soonestMs([-20, 5])).toBe(0);
    expect(soonestMs([undefined])).toBeUndefined();
  });
});
