import { expect, it } from 'vitest';
import { compareResourceVersions } from './resource-version.ts';

it('compares as numbers of any length', () => {
  expect(compareResourceVersions('9', '10')).toBeLessThan(0);
  expect(compareResourceVersions('18446744073709551616', '18446744073709551615')).toBeGreaterThan(0);
  expect(compareResourceVersions('42', '42')).toBe(0);
});

it('concludes nothing from what is not a number', () => {
  for (const odd of ['', '0', '007', 'abc', '-1', '1.5']) expect(compareResourceVersions(odd, '7')).toBeUndefined();
});
