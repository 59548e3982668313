import { describe, expect, it } from 'vitest';
import { QUEUE_DIRECTORY, queueDirectory } from './layout.ts';

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
