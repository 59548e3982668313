import { describe, expect, it } from 'vitest';
import { Shares } from './shares.ts';

/** How many each share gets when all of them take whatever they may, in turns. */
function filled(capacity: number, shares: number, level = 0): { each: number[]; free: number } {
  const path = (share: number): string[] => [...Array.from({ length: level }, () => ''), `s${share}`];
  const counts = Array.from({ length: shares }, () => 0);
  const state = new Shares(capacity);
  for (let taken = true; taken;) {
    taken = false;
    for (let share = 0; share < shares; share++) {
      const free = capacity - counts.reduce((sum, count) => sum + count, 0);
      if (free === 0 || !state.admits(`s${share}`, level)) continue;
      state.begin(path(share));
      counts[share]!++;
      taken = true;
    }
  }
  return { each: counts, free: capacity - counts.reduce((sum, count) => sum + count, 0) };
}

describe('however many shares hang, some of the capacity stays free', () => {
  it.each([
    { level: 0, shares: 1, most: 43, free: 85 },
    { level: 0, shares: 2, most: 32, free: 64 },
    { level: 0, shares: 8, most: 13, free: 24 },
    { level: 1, shares: 1, most: 43, free: 85 },
    { level: 1, shares: 8, most: 13, free: 24 },
    { level: 2, shares: 1, most: 26, free: 102 },
    { level: 2, shares: 8, most: 11, free: 40 },
    { level: 0, shares: 100, most: 2, free: 2 },
  ])('$shares shares of level $level leave at least $free of 128', ({ level, shares, most, free }) => {
    const taken = filled(128, shares, level);
    expect(Math.max(...taken.each)).toBeLessThanOrEqual(most);
    expect(Math.min(...taken.each)).toBeGreaterThan(0);
    expect(taken.free).toBeGreaterThanOrEqual(free);
  });
});

it('a share has one at once however little is free, and names itself when it has no more', () => {
  const shares = new Shares(2);
  shares.begin(['a']);
  expect(shares.fullOf(['a'])).toBe('a');
  expect(shares.fullOf(['b', 'a'])).toBeUndefined();
  shares.end(['a']);
  expect(shares.fullOf(['a'])).toBeUndefined();
});

it('a server of several namespaces has one share', () => {
  const shares = new Shares(2);
  shares.begin(['a', 'redis']);
  expect(shares.fullOf(['b', 'redis'])).toBe('redis');
});

it('a tenant leaves others a part of the share of a server, and is told of the server', () => {
  const shares = new Shares(128);
  for (let count = 0; count < 26; count++) {
    expect(shares.fullOf(['hostile', 'redis'])).toBeUndefined();
    shares.begin(['hostile', 'redis']);
  }
  expect(shares.fullOf(['hostile', 'redis'])).toBe('redis');
  expect(shares.fullOf(['hostile', 'other'])).toBeUndefined();
  for (let count = 0; count < 11; count++) {
    expect(shares.fullOf(['good', 'redis'])).toBeUndefined();
    shares.begin(['good', 'redis']);
  }
});
