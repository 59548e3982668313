import { describe, expect, it } from 'vitest';
import { durationPattern } from './duration-pattern.ts';
import { controllers } from './controllers.ts';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const near = (number: number): number[] => [-2, -1, 0, 1, 2].map((step) => Math.round(number) + step);

describe.each([
  ['1s', '10m', 1_000, 600_000],
  ['5s', '10m', 5_000, 600_000],
  ['1s', '1h', 1_000, 3_600_000],
  ['90s', '2h', 90_000, 7_200_000],
  ['7ms', '1234ms', 7, 1_234],
])('the pattern of %s to %s', (min, max, from, to) => {
  it('matches these durations, and no others', () => {
    const pattern = new RegExp(durationPattern(min, max));
    // Each number near a bound or a change of length, in each unit.
    for (const [unit, size] of Object.entries(UNITS)) {
      const bounds = [0, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, from / size, to / size].flatMap(near);
      const dense = Array.from({ length: 2_000 }, (_, index) => index);
      for (const number of [...bounds, ...dense].filter((each) => each >= 0)) {
        const inside = number * size >= from && number * size <= to;
        expect([`${number}${unit}`, pattern.test(`${number}${unit}`)]).toEqual([`${number}${unit}`, inside]);
      }
    }
  });
});

it.each(['', '10', '1s ', '01s', '1d', '-1s', '1.5s', '1S'])('no pattern matches %j', (text) => {
  expect(new RegExp(durationPattern('1s', '1h')).test(text)).toBe(false);
});

it('a bound that is no duration is refused', () => {
  expect(() => durationPattern('1s', '1d')).toThrow('"1d" is not a duration');
});

const durations = controllers.flatMap(({ name, settings }) =>
  settings.flatMap(({ value, comment, schema }) => {
    const [, min, max] = /: ([0-9]+(?:ms|[smh])) to ([0-9]+(?:ms|[smh]))\./.exec(comment) ?? [];
    return min && max ? [[name, value, min, max, schema['pattern']] as const] : [];
  }),
);

it.each(durations)('%s: %s takes %s to %s, as its comment says', (_, __, min, max, pattern) => {
  expect(pattern).toBe(durationPattern(min, max));
});

it('each length of time is among them', () => {
  expect(durations.map(([, value]) => value)).toEqual([
    'sampleInterval',
    'driftInterval',
    'podStartTime',
    'nodeStartTime',
  ]);
});
