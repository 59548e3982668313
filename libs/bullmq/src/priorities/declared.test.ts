import { assert, integer, oneof, property, uniqueArray } from 'fast-check';
import { expect, test } from 'vitest';
import { clampTo } from './declared.ts';

/** What a priority becomes; undefined: it stays. */
function clamped(declared: readonly number[], priority: number): number | undefined {
  return clampTo(declared).ranges.find(({ first, last }) => first <= priority && priority <= last)?.to;
}

test('the nearest declared priority, of two as near the less urgent one', () => {
  const given = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2_097_151].map((priority) => clamped([10, 1, 5], priority));
  expect(given).toEqual([undefined, 1, 5, 5, undefined, 5, 5, 10, 10, undefined, 10, 10]);
});

test('jobs without a priority are given the most urgent one', () => {
  expect(clampTo([7, 3]).ofNone).toBe(3);
  expect(clamped([3], 1)).toBe(3);
});

test('without a declared priority there is none to give', () => {
  expect(() => clampTo([])).toThrow('no priority is declared');
});

test('for every set: each other priority is in one range, whose priority is a nearest one; declared ones are in none', () => {
  const sets = uniqueArray(integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 10 });
  assert(
    property(sets, oneof(integer({ min: 1, max: 12 }), integer({ min: 1, max: 2_097_151 })), (declared, priority) => {
      const { ranges } = clampTo(declared);
      const holding = ranges.filter(({ first, last }) => first <= priority && priority <= last);
      const nearest = Math.min(...declared.map((each) => Math.abs(each - priority)));
      const ties = declared.filter((each) => Math.abs(each - priority) === nearest);
      expect(holding.map(({ to }) => to)).toEqual(nearest === 0 ? [] : [Math.max(...ties)]);
    }),
  );
});
