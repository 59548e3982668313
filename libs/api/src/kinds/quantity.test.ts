import { expect, it } from 'vitest';
import { quantityValue } from './quantity.ts';

it.each([
  ['500m', 0.5],
  ['0.5', 0.5],
  ['.5', 0.5],
  ['128Mi', 128 * 2 ** 20],
  ['100E', 1e20],
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

it('a text that no amount needs is no quantity, however long it takes to read', () => {
  const [long, longer] = ['1'.repeat(200_000), `${'1'.repeat(200_000)}!`];
  expect([quantityValue(long), quantityValue(longer), quantityValue(`${long}e1.5`)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(quantityValue('1'.repeat(15))).toBe(111_111_111_111_000);
});

it.each(['', 'much', '1Kb', '12 Mi', '1.2.3', '.', undefined, null, {}])('%j is no quantity', (text) => {
  expect(quantityValue(text)).toBeUndefined();
});
