import { expect, it } from 'vitest';
import { isPath, isUnfinished, namesOf, unfinishedName } from './object-path.ts';

it('takes the paths that backups have', () => {
  for (const path of ['manifest.json', 'shop/nightly-1f2e3d4c/20261129T0100-ab12/emails_dlq/part-00001', '.hidden/ü'])
    expect(namesOf(path).join('/')).toBe(path);
});

it.each([
  ['', 'empty name'],
  ['/etc/passwd', 'empty name'],
  ['a//b', 'empty name'],
  ['a/', 'empty name'],
  ['..', '".." in it'],
  ['a/../../b', '".." in it'],
  ['a/./b', '"." in it'],
  ['a\0b', 'control character'],
  ['a/b\n', 'control character'],
  ['x'.repeat(241), 'more than 240 bytes'],
  ['ab/'.repeat(400), 'longer than 1024 bytes'],
  [`a/${unfinishedName('part', '0123abcd')}`, 'being written'],
])('refuses %j', (path, why) => {
  expect(() => namesOf(path, 'the prefix')).toThrow(why);
  expect(isPath(path)).toBe(false);
});

it('knows the names of unfinished files', () => {
  expect(isUnfinished(unfinishedName('part-00001', 'deadbeef'))).toBe(true);
  expect(isUnfinished('part-00001.tmp')).toBe(false);
});
