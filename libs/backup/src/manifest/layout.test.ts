import { describe, expect, it } from 'vitest';
import { chainFolder, POINT_FOLDER, pointFolder, QUEUE_DIRECTORY, queueDirectory, splitDirectory } from './layout.ts';

describe('the directory of a queue', () => {
  it.each([
    ['emails', 'emails'],
    ['emails_dlq', 'emails_dlq'],
    ['a.b', 'a=2eb'],
    ['manifest.json', 'manifest=2ejson'],
    ['..', '=2e=2e'],
    ['a/../b', 'a=2f=2e=2e=2fb'],
    ['Emails', '=45mails'],
    ['a=b', 'a=3db'],
    ['ü', '=c3=bc'],
  ])('of %j is %s', (name, directory) => {
    expect(queueDirectory(name)).toBe(directory);
  });

  it('is one that every storage takes, and another for each name', () => {
    const names = [
      'x',
      'X',
      '=58',
      '\0',
      ' ',
      '€',
      'x'.repeat(160),
      'x'.repeat(161),
      'x'.repeat(1_000),
      'ü'.repeat(200),
      'ü'.repeat(201),
    ];
    const directories = names.map(queueDirectory);
    expect(directories.filter((each) => !QUEUE_DIRECTORY.test(each))).toEqual([]);
    expect(new Set(directories).size).toBe(names.length);
  });
});

describe('the directory of a point', () => {
  it('has a name by which points and chains are in order', () => {
    expect([chainFolder(3), pointFolder(0, 'x'), pointFolder(719, '20261129T100000Z-4f2a')]).toEqual([
      'c00003',
      '000000-x',
      '000719-20261129T100000Z-4f2a',
    ]);
    expect(pointFolder(12, 'x')).toMatch(POINT_FOLDER);
  });

  it.each([
    ['a/b/c', { parent: 'a/b', name: 'c' }],
    ['a', { parent: '', name: 'a' }],
  ])('lies in that of its chain (%s)', (directory, expected) => {
    expect(splitDirectory(directory)).toEqual(expected);
  });
});
