import { array, assert, bigInt, constantFrom, maxSafeInteger, nat, oneof, property, tuple } from 'fast-check';
import { expect, it } from 'vitest';
import { JobDigests, TooManyJobsError } from './job-digests.ts';

const id = oneof(
  nat(200).map(String),
  maxSafeInteger().map(String),
  constantFrom('', '0', '00', '__proto__', '\uFFFD', '🐟', '9'.repeat(400)),
);
const digestOf = (value: bigint | number): string => value.toString(16).padStart(16, '0');
const digest = oneof(
  bigInt(0n, 2n ** 64n - 1n).map(digestOf),
  constantFrom('0000000000000000', 'ffffffffffffffff', '0000000000000001', '8000000080000000'),
);

it('holds the last digest of each job, and none of another', () => {
  assert(
    property(array(tuple(id, digest), { maxLength: 300 }), id, (entries, other) => {
      const digests = new JobDigests();
      for (const entry of entries) digests.set(...entry);
      const expected = new Map(entries);
      for (const each of [...expected.keys(), other]) expect(digests.get(each)).toBe(expected.get(each));
      expect(digests.size).toBe(expected.size);
    }),
  );
});

it('a million take few MB, and more are refused with what to do', () => {
  const digests = new JobDigests();
  for (let n = 0; n < 1_000_000; n++) digests.set(`job-${n}`, digestOf(n));
  expect(digests.bytes).toBeLessThan(20_000_000);
  // 40 bits of a hash are alike among a million once in two runs.
  expect(digests.size).toBeGreaterThan(999_990);
  let wrong = 0;
  for (let n = 0; n < 1_000_000; n += 7) if (digests.get(`job-${n}`) !== digestOf(n)) wrong++;
  expect(wrong).toBeLessThan(10);
  for (let n = 0; n < 10; n++) digests.set('job-0', digestOf(n));
  const addSome = (): void => {
    for (let n = 0; n < 20; n++) digests.set(`more-${n}`, digestOf(n));
  };
  expect(addSome).toThrow(TooManyJobsError);
  expect(addSome).toThrow(/more than 1,000,000 jobs.*take full backups/);
});

it('tells beforehand whether it can hold so many', () => {
  const digests = new JobDigests({ limit: 3 });
  expect(() => digests.assertHolds(3)).not.toThrow();
  expect(() => digests.assertHolds(4)).toThrow(TooManyJobsError);
});

it('refuses what is no digest, as a forged backup may have', () => {
  for (const each of ['', 'x', '0000000000000000\n', '000000000000000G', '00000000000000000'])
    expect(() => new JobDigests().set('1', each)).toThrow('16 hexadecimal digits');
});
