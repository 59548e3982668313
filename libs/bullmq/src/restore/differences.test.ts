import { expect, test } from 'vitest';
import { DifferenceList } from './differences.ts';

test('a difference is taken back when a later record agrees', () => {
  const list = new DifferenceList();
  list.note('a', 'a differs');
  list.note('b', 'b differs');
  list.note('a', undefined);
  list.note('c', undefined);
  expect(list.list(3)).toEqual({ jobs: 3, count: 1, first: ['b differs'] });
});

test('of many, 20 are named, all are counted, and memory is bounded', () => {
  const list = new DifferenceList();
  for (let n = 0; n < 100_010; n++) list.note(`${n}`, `${n} differs`);
  const { count, first } = list.list(0);
  expect([count, first.length, first[0]]).toEqual([100_010, 20, '0 differs']);
});
