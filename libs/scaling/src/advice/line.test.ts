import { expect, it } from 'vitest';
import { addPoint, NO_LINE, reliableSlope, type DecayingLine } from './line.ts';

const through = (points: readonly (readonly [number, number])[]): DecayingLine =>
  points.reduce((line, [x, y]) => addPoint(line, x, y, 1, 0, 1_000), NO_LINE);

it('finds the slope of a line, however far from 0 it lies', () => {
  const points = Array.from({ length: 50 }, (_, x) => [x % 10, 2e9 + 3 * (x % 10)] as const);
  expect(reliableSlope(through(points), 1)).toBeCloseTo(3, 6);
});

it('believes no slope from points on one spot, from a cloud, or one that falls', () => {
  expect(reliableSlope(NO_LINE, 0)).toBeUndefined();
  expect(
    reliableSlope(
      through([
        [5, 1],
        [5, 2],
        [5, 3],
      ]),
      0,
    ),
  ).toBeUndefined();
  expect(
    reliableSlope(
      through([
        [1, 1],
        [1.1, 2],
      ]),
      1,
    ),
  ).toBeUndefined();
  expect(
    reliableSlope(
      through([
        [0, 0],
        [0, 9],
        [10, 1],
        [10, 9],
      ]),
      1,
    ),
  ).toBeUndefined();
  expect(
    reliableSlope(
      through([
        [0, 9],
        [10, 1],
      ]),
      1,
    ),
  ).toBeUndefined();
});

it('forgets an old line for a new one', () => {
  let line = through([
    [0, 0],
    [10, 100],
  ]);
  for (const x of [0, 10, 0, 10]) line = addPoint(line, x, x, 1, 30_000, 1_000);
  expect(reliableSlope(line, 1)).toBeCloseTo(1, 3);
});
