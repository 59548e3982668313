import { expect, it } from 'vitest';
import { exposures } from './points.ts';

it('a change is exposed until the first point after it is finished', () => {
  const points = [
    { timeMs: 100, seenMs: 120 },
    { timeMs: 200, seenMs: 230 },
  ];
  expect(exposures(points, { fromMs: 0, toMs: 300, stepMs: 50 })).toEqual([120, 70, 130, 80, 100, 50]);
});

it('a later point that is finished earlier holds it as well', () => {
  const points = [
    { timeMs: 100, seenMs: 500 },
    { timeMs: 200, seenMs: 230 },
  ];
  expect(exposures(points, { fromMs: 0, toMs: 400, stepMs: 300 })).toEqual([230, 100]);
});
