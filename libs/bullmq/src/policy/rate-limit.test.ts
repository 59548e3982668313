import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { effectiveRateLimit, MAX_WINDOW_MS, MIN_WINDOW_MS, type RateLimitWindow } from './rate-limit.ts';

const limits = fc.record({
  maxJobsPerSecond: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 1_000_000 })),
  burstCapacity: fc.option(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 1_000_000 })), {
    nil: undefined,
  }),
});

describe('a rate with a burst becomes a window', () => {
  test.each([
    [
      { maxJobsPerSecond: 100, burstCapacity: 200 },
      { max: 200, durationMs: 2000, capped: false },
    ],
    [{ maxJobsPerSecond: 50 }, { max: 50, durationMs: 1000, capped: false }],
    [
      { maxJobsPerSecond: 1, burstCapacity: 1 },
      { max: 1, durationMs: 1000, capped: false },
    ],
    // 200 s would be a window that no change of the limit could end.
    [
      { maxJobsPerSecond: 1, burstCapacity: 200 },
      { max: 5, durationMs: 5000, capped: true },
    ],
    // One job every 67 ms is kept as two every 134 ms.
    [
      { maxJobsPerSecond: 15, burstCapacity: 1 },
      { max: 2, durationMs: 134, capped: true },
    ],
    [
      { maxJobsPerSecond: 3, burstCapacity: 1 },
      { max: 1, durationMs: 334, capped: false },
    ],
  ])('%o → %o', (wanted, expected) => {
    expect(effectiveRateLimit(wanted)).toEqual(expected);
  });

  test('it never exceeds the rate, falls short by at most 1 %, and stays between 100 ms and 5 s', () => {
    fc.assert(
      fc.property(limits, (wanted) => {
        const { max, durationMs } = effectiveRateLimit(wanted);
        const perSecond = (1000 * max) / durationMs;
        expect(Number.isInteger(max) && max >= 1 && Number.isInteger(durationMs)).toBe(true);
        expect(durationMs).toBeGreaterThanOrEqual(MIN_WINDOW_MS);
        expect(durationMs).toBeLessThanOrEqual(MAX_WINDOW_MS);
        expect(perSecond).toBeLessThanOrEqual(wanted.maxJobsPerSecond);
        expect(perSecond).toBeGreaterThanOrEqual(wanted.maxJobsPerSecond * 0.99);
      }),
    );
  });

  test('over any time T, greedy workers start at most rate·T + 2·max jobs', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 12_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(limits, pauses, fc.integer({ min: 0, max: 20_000 }), (wanted, quietMs, spanMs) => {
        const window = effectiveRateLimit(wanted);
        const starts = greedyWindows(window, quietMs);
        for (const from of starts) {
          const inSpan = starts.filter((at) => at >= from && at <= from + spanMs).length * window.max;
          expect(inSpan).toBeLessThanOrEqual((wanted.maxJobsPerSecond * spanMs) / 1000 + 2 * window.max);
        }
      }),
    );
  });
});

/** When windows are spent at once, each as early as BullMQ opens it after the quiet time before it. */
function greedyWindows({ durationMs }: RateLimitWindow, quietMs: readonly number[]): number[] {
  let at = 0;
  return quietMs.map((quiet) => (at += Math.max(quiet, durationMs)));
}
