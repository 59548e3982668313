import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { textFiles } from './files.ts';
import { phraseProblem, phrasesIn } from './phrases.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../..');
/** The table and its examples; what is written from other files; payloads as earlier releases wrote them. */
const LEFT_OUT = /^tools\/workspace\/src\/phrases(\.test)?\.ts$|\.generated\.ts$|\/fixtures\//;

const found = (text: string): string[] => phrasesIn('x.md', text).map((hit) => hit.text);

describe('a phrase is found', () => {
  it.each([
    ['It costs one write a pool.', 'one write a pool'],
    ['at most 50 queues a call', '50 queues a call'],
    ['One pending call a batch', 'One pending call a batch'],
    ['pods of 4 slots a pod, each', '4 slots a pod'],
    ['at least one a pool; more', 'one a pool'],
    ['opens a connection a request', 'a connection a request'],
    ['# jobs a pod at once', 'jobs a pod'],
    ['Cost: O(log n) a set.', 'O(log n) a set'],
    ['300 jobs wait; at 1 s a job, 7 pods', 'at 1 s a job'],
    ['at most 20 a second', '20 a second'],
    ['60 jobs arrive a second', 'jobs arrive a second'],
    ['/** Jobs a second. */', 'Jobs a second'],
    ['looked at each 5 s', 'each 5 s'],
    ['Every so manieth take', 'Every so manieth'],
  ])('in "%s"', (text, phrase) => expect(found(text)).toEqual([phrase]));

  it('where the line is broken within it, in prose and in comments', () => {
    expect(found('costs one\nwrite a pool')).toEqual(['one write a pool']);
    expect(found('/**\n * costs one write\n * a pool\n */')).toEqual(['one write a pool']);
    expect(found('# costs 3\n# calls a job')).toEqual(['3 calls a job']);
  });

  it('once, with the line and the word to use', () => {
    expect(phrasesIn('a.md', 'x\n\nstarts r jobs a second')).toEqual([
      { file: 'a.md', line: 3, text: 'jobs a second', instead: 'per' },
    ]);
    expect(phraseProblem({ file: 'a.md', line: 3, text: 'jobs a second', instead: 'per' })).toBe(
      'a.md:3: "jobs a second": say "per"',
    );
  });
});

describe('what is good English is left alone', () => {
  it.each([
    'one write per pool, 20 jobs per second, every 5 s',
    'once a second, twice a minute, four times a minute',
    'within a second; half a minute; jobs of a second; a minute after it',
    'the two calls a step needs, the one bundle an app ships, the slots a pool may have',
    'two pods a minute later; 1,000 keys a minute old; samples a second apart',
    'gives a queue a limit; each pod a name; as a pod',
    'without a report a pod is gone',
    '# 13. A reconcile waits. It is not 0. A queue of two pools',
    'the rate of each five seconds',
  ])('%s', (text) => expect(found(text)).toEqual([]));
});

it('no file of the workspace has one', () => {
  const files = textFiles(workspaceRoot).filter((file) => !LEFT_OUT.test(file));
  const hits = files.flatMap((file) => phrasesIn(file, readFileSync(join(workspaceRoot, file), 'utf8')));
  console.log(`${hits.length} private phrases in ${files.length} files`);
  expect(files.length).toBeGreaterThan(300);
  expect(hits.map(phraseProblem)).toEqual([]);
});
