import { describe, expect, it } from 'vitest';
import { holds, quantityValue } from './drift.ts';

describe('holds', () => {
  it.each<[string, unknown, unknown, boolean]>([
    ['fields that the server added', { a: 1 }, { a: 1, b: 2 }, true],
    ['a changed field', { a: 1 }, { a: 2 }, false],
    ['a missing field', { a: 1 }, {}, false],
    ['an empty object of ours that the server keeps', { emptyDir: {} }, { emptyDir: {} }, true],
    ['an empty object of ours that is missing', { emptyDir: {} }, {}, false],
    [
      'named entries in another order',
      [{ name: 'a', v: 1 }, { name: 'b' }],
      [{ name: 'b' }, { name: 'a', v: 1 }],
      true,
    ],
    ['a named entry that is missing', [{ name: 'a' }], [{ name: 'b' }], false],
    ['plain entries by place', { drop: ['ALL'] }, { drop: ['ALL'] }, true],
    ['a plain entry that changed', { drop: ['ALL'] }, { drop: ['NET_RAW'] }, false],
    ['a quantity in another spelling', { limits: { cpu: '1000m' } }, { limits: { cpu: '1' } }, true],
    ['a quantity given as a number', { requests: { cpu: 1 } }, { requests: { cpu: '1' } }, true],
    ['another quantity', { limits: { memory: '1Gi' } }, { limits: { memory: '1G' } }, false],
    ['a quantity that is missing', { limits: { memory: '1Gi' } }, { limits: {} }, false],
    ['resources that are missing', { limits: { memory: '1Gi' } }, {}, false],
  ])('%s', (_, desired, live, expected) => {
    expect(holds(desired, live)).toBe(expected);
  });
});

it.each([
  ['500m', 0.5],
  ['0.5', 0.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1k', 1000],
  ['128Mi', 134_217_728],
  ['1e3', 1000],
  ['1E3', 1000],
  ['1E', 1e18],
  ['100n', 1e-7],
  ['-1', -1],
  [2, 2],
])('the quantity %s is %d', (text, value) => {
  expect(quantityValue(text)).toBeCloseTo(value, 12);
});

it.each(['', 'much', '1Kb', undefined, null, {}])('%j is no quantity', (text) => {
  expect(quantityValue(text)).toBeUndefined();
});
