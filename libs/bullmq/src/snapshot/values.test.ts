import { expect, it } from 'vitest';
import { emptyHash, entryOf, valueOf } from './values.ts';

it.each(['', 'text', '日本', '\uFFFD', '\u0000', '__proto__'])('%j stays as it is', (text) => {
  expect(valueOf(Buffer.from(text))).toBe(text);
});

it('what is no UTF-8 becomes base64', () => {
  expect(valueOf(Buffer.from([0xff]))).toEqual({ b64: '/w==' });
  expect(valueOf(Buffer.from([0xed, 0xa0, 0x80]))).toEqual({ b64: '7aCA' });
});

it.each([
  ['1700000000000', 1_700_000_000_000],
  ['6963200000000001', 6_963_200_000_000_001],
  ['-1.5', -1.5],
  ['9007199254740993', '9007199254740993'],
  ['1e+21', 1e21],
  ['inf', 'inf'],
  ['', ''],
])('the score %s becomes %j', (score, expected) => {
  expect(entryOf('1', score)).toEqual(['1', expected]);
});

it('a hash may have a field of any name', () => {
  const hash = emptyHash();
  hash['__proto__'] = 'x';
  expect(JSON.stringify(hash)).toBe('{"__proto__":"x"}');
});
