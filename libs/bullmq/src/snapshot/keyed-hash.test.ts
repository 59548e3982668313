import { expect, it } from 'vitest';
import { KeyedHash } from './keyed-hash.ts';

function digestOf(text: string, key: string): string {
  const hash = new KeyedHash(Buffer.from(key, 'hex'));
  hash.digest(text);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(hash.low, 0);
  bytes.writeUInt32LE(hash.high, 4);
  return bytes.toString('hex');
}

it('is another one for another key and for texts that differ in anything', () => {
  const texts = [
    '',
    '\0',
    '\0\0',
    'a',
    'b',
    'ab',
    'ba',
    'a\0',
    'ā',
    'job-1',
    'job-2',
    'x'.repeat(127),
    'x'.repeat(128),
  ];
  const digests = ['0001020304050607', '0001020304050608'].flatMap((key) => texts.map((text) => digestOf(text, key)));
  expect(new Set(digests).size).toBe(2 * texts.length);
});
