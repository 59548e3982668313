import { expect, test } from 'vitest';
import { OpenFlowsFinder, renameJobKey, renameWith, splitJobKey } from './flow-links.ts';

test.each([
  ['bull:emails:12', 'bull:emails', '12'],
  ['bull:{team}:emails:a-b', 'bull:{team}:emails', 'a-b'],
  ['bull:emails:repeat:nightly:1700000000000', 'bull:emails', 'repeat:nightly:1700000000000'],
  ['bull:emails:repeat:a:b:1700000000000', 'bull:emails', 'repeat:a:b:1700000000000'],
  ['bull:emails:repeat:nightly', 'bull:emails:repeat', 'nightly'],
  ['bull:emails:repeat:nightly:now', 'bull:emails:repeat:nightly', 'now'],
  ['nothing', '', 'nothing'],
  [`${':repeat:1'.repeat(100_000)}x`, `${':repeat:1'.repeat(99_999)}:repeat`, '1x'],
])('the key %s is of queue %s and job %s', (key, queueKey, id) => {
  expect(splitJobKey(key)).toEqual({ queueKey, id });
});

const others = (queueKey: string): string | undefined => (queueKey === 'bull:b' ? 'copy:b' : undefined);

test('a queue goes to its target whatever is said of others, and who is not named is not restored', () => {
  const rename = renameWith({ prefix: 'bull', name: 'a' }, { prefix: 'copy', name: 'x' }, others);
  expect(renameJobKey('bull:a:1', rename)).toBe('copy:x:1');
  expect(renameJobKey('bull:b:1', rename)).toBe('copy:b:1');
  expect(renameJobKey('bull:c:1', rename)).toBeUndefined();
});

test('open flows are named, at most 20 of them, and counted', () => {
  const finder = new OpenFlowsFinder((queueKey) => queueKey === 'bull:a');
  finder.add([
    { kind: 'queue', prefix: 'bull', name: 'a', meta: {}, snapshotAt: 0, consistent: true },
    { kind: 'job', id: '1', hash: { parentKey: 'bull:a:9' } },
    { kind: 'job', id: '2', hash: { parentKey: 'bull:b:9' } },
    // It is over: nobody waits for it.
    { kind: 'job', id: '3', hash: { parentKey: 'bull:b:9', finishedOn: '1' } },
    { kind: 'job', id: '9', hash: {}, dependencies: ['bull:a:1', 'bull:c:1'] },
  ]);
  expect(finder.list()).toEqual({
    links: 2,
    first: ['bull:a:2 reports to bull:b:9', 'bull:a:9 waits for bull:c:1'],
    fixed: [],
  });
  finder.add([{ kind: 'job', id: 'p', hash: {}, dependencies: Array.from({ length: 50 }, (_, n) => `bull:c:${n}`) }]);
  expect(finder.list()).toMatchObject({ links: 52, first: { length: 20 } });
});

test('links that cannot be renamed are named, before anything is written', () => {
  const finder = new OpenFlowsFinder(() => true);
  const deep = `{"parent":{"queue":"bull:a","id":"1"},"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  finder.add([
    { kind: 'queue', prefix: 'bull', name: 'a', meta: {}, snapshotAt: 0, consistent: true },
    { kind: 'job', id: '1', hash: { opts: deep, parent: '{"id":"7","queueKey":"bull:a"}' } },
    { kind: 'job', id: '2', hash: { opts: '{', parent: '{' } },
  ]);
  expect(finder.list()).toMatchObject({
    links: 0,
    fixed: [
      'bull:a:1 keeps opts as it is, which is no JSON or nested too deep',
      'bull:a:2 keeps parent as it is, which is no JSON or nested too deep',
    ],
  });
});
