import { expect, it } from 'vitest';
import type { PoolAdvice } from './advise.ts';
import { steadyAdvice, type GivenAdvice } from './steady.ts';

const MINUTE = 60_000;
const advice = (over: Partial<PoolAdvice> = {}): PoolAdvice => ({
  concurrency: 20,
  resources: { requests: { cpu: '500m' } },
  message: 'm',
  pods: 3,
  sinceMs: 0,
  ...over,
});
const given: GivenAdvice = { advice: advice(), generation: 1, atMs: 0 };

it('gives the first advice, and advice on another spec, at once', () => {
  expect(steadyAdvice(undefined, advice(), 1, 7)).toEqual({ ...given, atMs: 7 });
  expect(steadyAdvice(given, advice({ message: 'n' }), 2, MINUTE).advice.message).toBe('n');
});

it('changes at most every ten minutes', () => {
  const other = advice({ concurrency: 30 });
  expect(steadyAdvice(given, other, 1, 9 * MINUTE)).toBe(given);
  expect(steadyAdvice(given, other, 1, 10 * MINUTE).advice).toBe(other);
  expect(steadyAdvice(given, { message: 'fits', pods: 3, sinceMs: 0 }, 1, 10 * MINUTE).advice.message).toBe('fits');
});

it('stays for numbers that differ by a tenth, until they are six hours old', () => {
  const near = advice({ concurrency: 21, resources: { requests: { cpu: '0.52' } }, pods: 9, message: 'other numbers' });
  expect(steadyAdvice(given, near, 1, 5 * 60 * MINUTE)).toBe(given);
  expect(steadyAdvice(given, near, 1, 6 * 60 * MINUTE).advice).toBe(near);
});
