import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { FairTokens } from './fair-tokens.ts';

/** Tokens of ten per second on a clock of its own, and how many of `times` tries a share gets. */
function stage() {
  const clock = { nowMs: 0 };
  const tokens = new FairTokens(10, () => clock.nowMs);
  const take = (share: string, times: number) =>
    Array.from({ length: times }, () => tokens.take(share)).filter(Boolean);
  return { clock, take: (share: string, times: number) => take(share, times).length };
}

it('who asks alone has all tokens of each second, and none is saved up', () => {
  const { clock, take } = stage();
  expect(take('a', 25)).toBe(10);
  clock.nowMs = 999;
  expect(take('a', 1)).toBe(0);
  clock.nowMs = 1_000;
  expect(take('a', 25)).toBe(10);
  clock.nowMs = 60_000;
  expect(take('a', 25)).toBe(10);
});

it('one that takes whatever there is leaves who comes later an equal part within a second', () => {
  const { clock, take } = stage();
  expect(take('greedy', 1_000)).toBe(10);
  expect(take('late', 4)).toBe(0);
  for (clock.nowMs = 1_000; clock.nowMs < 10_000; clock.nowMs += 1_000) {
    expect(take('greedy', 1_000)).toBe(5);
    expect(take('late', 4)).toBe(4);
  }
});

it('who stops asking leaves its part to the others a second later', () => {
  const { clock, take } = stage();
  take('a', 1);
  take('b', 1);
  clock.nowMs = 1_000;
  expect(take('a', 25)).toBe(5);
  clock.nowMs = 2_000;
  expect(take('a', 25)).toBe(10);
});

it('no second has more tokens than there are, whoever asks and when', () => {
  const asks = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 700 }), share: fc.integer({ min: 0, max: 20 }) }),
  );
  fc.assert(
    fc.property(asks, (all) => {
      const clock = { nowMs: 0 };
      const tokens = new FairTokens(3, () => clock.nowMs);
      const perSecond = new Map<number, number>();
      for (const { afterMs, share } of all) {
        clock.nowMs += afterMs;
        const second = Math.floor(clock.nowMs / 1_000);
        if (tokens.take(`${share}`)) perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
      }
      expect(Math.max(0, ...perSecond.values())).toBeLessThanOrEqual(3);
    }),
  );
});
