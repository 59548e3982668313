import { expect, it } from 'vitest';
import { isWithin, newestMinors } from './releases.ts';

it('of each of the newest minor versions, the newest release', () => {
  const releases = ['5.9.0', '5.10.2', '5.10.10', '5.11.0-rc.1', '5.8.1', '6.0.0', '5.10.9'];
  expect(newestMinors(releases, 5, 2)).toEqual(['5.10.10', '5.9.0']);
  expect(newestMinors(releases, 6, 5)).toEqual(['6.0.0']);
});

it('a range begins at its floor and ends with the major version', () => {
  const range = '^5.81.5 || ^6.7.0';
  const releases = ['5.81.4', '5.81.5', '5.82.0', '6.6.9', '6.7.0', '7.0.0'];
  expect(releases.filter((release) => isWithin(release, range))).toEqual(['5.81.5', '5.82.0', '6.7.0']);
  expect(() => isWithin('5.0.0', '5.x')).toThrow('a range that this cannot read: 5.x');
});
