import { expect, test } from 'vitest';
import { CALM_SHARE, LATE_SHARE, restMs, shareOfRedis } from './pace.ts';

test('a script and the rest after it take that share of the time', () => {
  for (const share of [CALM_SHARE, LATE_SHARE]) expect(3 / (3 + restMs(3, share))).toBeCloseTo(share);
});

test('a step during which the machine did other things is rested from as one of 10 ms', () => {
  expect(restMs(700, CALM_SHARE)).toBe(restMs(10, CALM_SHARE));
});

test('what is far over its time may take more, and at most a few percent', () => {
  expect([shareOfRedis(0), shareOfRedis(60_000), shareOfRedis(60_001)]).toEqual([CALM_SHARE, CALM_SHARE, LATE_SHARE]);
  expect(LATE_SHARE).toBeLessThanOrEqual(0.1);
});
