import { array, assert, constantFrom, maxSafeInteger, nat, oneof, property } from 'fast-check';
import { expect, it } from 'vitest';
import { SeenIds } from './seen-ids.ts';

const id = oneof(
  nat(200).map(String),
  maxSafeInteger().map(String),
  nat(200).map((n) => `job-${n}`),
  constantFrom('', '0', '00', '01', '-1', '1e3', ' 1', '__proto__', '\uFFFD', '🐟', '9'.repeat(400)),
);

it('tells exactly which ids it has seen', () => {
  assert(
    property(array(id, { maxLength: 300 }), (ids) => {
      const seen = new SeenIds();
      const expected = new Set<string>();
      for (const each of ids) {
        expect(seen.has(each)).toBe(expected.has(each));
        expect(seen.add(each)).toBe(!expected.has(each));
        expected.add(each);
      }
      expect(seen.size).toBe(expected.size);
    }),
  );
});

it('remembers more integers that are far apart than it has chunks for', () => {
  const seen = new SeenIds();
  for (let n = 0; n < 5_000; n++) expect(seen.add(String(n * 1e9))).toBe(true);
  for (let n = 0; n < 5_000; n++) {
    expect(seen.has(String(n * 1e9))).toBe(true);
    expect(seen.has(String(n * 1e9 + 1))).toBe(false);
  }
  expect(seen.size).toBe(5_000);
});

it.each([
  ['integers', (n: number) => String(n), 0.3],
  ['integers that are far apart', (n: number) => String(n * 100_000), 20],
  ['other ids', (n: number) => `job-${n}`, 12],
])('a million %s take few MB', (_, idOf, mostMb) => {
  const seen = new SeenIds();
  for (let n = 0; n < 1_000_000; n++) seen.add(idOf(n));
  expect(seen.size).toBe(1_000_000);
  expect(seen.bytes).toBeLessThan(mostMb * 1_000_000);
});
