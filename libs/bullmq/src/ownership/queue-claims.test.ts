import { expect, test } from 'vitest';
import { parseClaims } from './queue-claims.ts';

// Wall 1: what answers may be no Redis, and send what our script does not.

test('of claims without number, the first four that stand are read', () => {
  const text = Array.from({ length: 100 }, (_, i) => `${i < 10 ? 1 : 60_000} c1/crm/${i}\n`).join('');
  expect(parseClaims(text, 1_000)).toEqual(
    [10, 11, 12, 13].map((i) => ({ owner: `c1/crm/${i}`, leftMs: 59_000, stored: `60000 c1/crm/${i}` })),
  );
});

test.each([`60000 c1/crm/mail\n${'x'.repeat(5_000)}`, '60000 c1/crm/mail', 'x60000 c1/crm/mail\n', '60000 \n', null])(
  'a text like %.30j has no claims',
  (text) => {
    expect(parseClaims(text, 1_000)).toEqual([]);
  },
);
