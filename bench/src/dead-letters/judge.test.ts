import { expect, it } from 'vitest';
import { judge } from './judge.ts';

const once = { of: () => 1, expected: () => 1 };
const dead = (index: number, finishedOn: number) => ({ index, dead: true, finishedOn });

it('finds nothing where every job is dead once, in order, and ran as often as it should', () => {
  const clean = { lost: 0, doubled: 0, outOfOrder: 0, wrongRuns: 0 };
  expect(judge(3, [dead(2, 5), dead(0, 5), dead(1, 9)], once)).toEqual(clean);
});

it('counts jobs that are nowhere or not dead, copies, disorder and runs', () => {
  const found = [dead(0, 5), dead(0, 4), { index: 1, dead: false, finishedOn: 0 }];
  expect(judge(3, found, { ...once, of: (index) => index })).toEqual({
    lost: 2,
    doubled: 1,
    outOfOrder: 1,
    wrongRuns: 2,
  });
  expect(judge(1, [dead(0, 1), { index: 0, dead: false, finishedOn: 0 }], once)).toMatchObject({ lost: 0, doubled: 1 });
});
