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
  const { clock, take } = stage();
  const perSecond = new Map<number, number>();
  for (let ask = 0; ask < 5_000; ask++) {
    // Any order of shares and times will do, as long as it is the same each time.
    clock.nowMs += (ask * 37) % 53;
    const second = Math.floor(clock.nowMs / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + take(`share-${(ask * ask) % 23}`, 1));
  }
  expect(Math.max(...perSecond.values())).toBe(10);
});
