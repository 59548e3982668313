import { expect, it } from 'vitest';
import { shareWhileOthersUse } from './share.ts';

it('takes all of an idle Redis, little of a busy one, and something of one that does not say', () => {
  expect([0, 0.3, 0.5, 0.7, 1].map(shareWhileOthersUse)).toEqual([1, 1, expect.closeTo(0.54), 0.08, 0.08]);
  expect(shareWhileOthersUse(undefined)).toBe(0.3);
});
