import { expect, it } from 'vitest';
import { fitsAsJson } from './json-size.ts';

it.each([
  ['control characters', '\u0001'.repeat(1_000)],
  ['characters with a short escape', '\n"\\\t'.repeat(1_000)],
  ['letters of one byte to four', 'aü€😀'.repeat(1_000)],
  ['fields', { a: 1, 'b"': [null, true, 'x'], c: {}, d: [], e: undefined }],
  ['arrays in arrays', [[['a', 5]], [['b', 6.5]]]],
  ['nothing', ''],
])('a value of %s fits into what it takes as JSON, and not into half of it', (_, value) => {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  // A comma too many for each array and object.
  expect(fitsAsJson(value, bytes + 5)).toBe(true);
  expect(fitsAsJson(value, Math.floor(bytes / 2))).toBe(false);
});
