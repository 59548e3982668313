import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { textFiles } from './files.ts';
import { privateNameProblems, privateNamesIn, privatePath, wordsOf } from './words.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../..');
/** The table itself, and names made up to test it. */
const ABOUT_WORDS = /^tools\/workspace\/src\/words(\.test)?\.ts$/;

const names = (text: string): string[] => privateNamesIn('x.ts', text).map(({ name }) => name);

describe('the words of a name', () => {
  it.each([
    ['RedisEye', ['redis', 'eye']],
    ['HTTPLooker2', ['http', 'looker']],
    ['redis-looker.integration.test.ts', ['redis', 'looker', 'integration', 'test', 'ts']],
    ['PODS_TOLD', ['pods', 'told']],
    ['_keptAt', ['kept', 'at']],
  ])('%s', (name, words) => expect(wordsOf(name)).toEqual(words));
});

describe('a private word is found', () => {
  it.each([
    ['a variable', 'const keptPool = 1;', 'keptPool'],
    ['a function', 'export function ringBell() {}', 'ringBell'],
    ['a class', 'export class RedisEye {}', 'RedisEye'],
    ['a parameter', 'function f(lookerId: string) { return 1; }', 'lookerId'],
    ['a type', 'export interface Wish { a: 1 }', 'Wish'],
    ['a field of a type', 'interface A { wish: string }', 'wish'],
    ['a private field', 'class A { #told = 1 }', 'told'],
    ['a method', 'class A { told() {} }', 'told'],
    ['a name given to an import', "import { a as looker } from './a.ts';", 'looker'],
    ['a name given to an export', 'const a = 1; export { a as wish };', 'wish'],
    ['a key in quotes', "const a = { 'told-pods': 1 };", 'told-pods'],
    ['a destructured name', 'const { kept } = load();', 'kept'],
  ])('in %s', (_, text, name) => expect(names(text)).toEqual([name]));

  it('in the name of a file and of a folder', () => {
    expect(privatePath('apps/a/src/looking/kept.ts').map(({ name }) => name)).toEqual(['looking', 'kept.ts']);
  });

  it('not in longer words, comments and texts', () => {
    expect(
      names("const keyeach = 'told'; // kept\nconst bellow = 1; const look = keptless; class A { constructor() {} }"),
    ).toEqual([]);
  });

  it('once for each name, with the first place and the word to use', () => {
    const found = [...privateNamesIn('a.ts', '\nconst kept = 1;\nkept;'), ...privateNamesIn('b.ts', 'const kept = 1;')];
    expect(privateNameProblems(found)).toEqual([
      'a.ts:2 and in 1 more: "kept" says "kept", a word of our own; the field says cached or retained',
    ]);
  });
});

it('no name in the workspace has a private word', () => {
  const files = textFiles(workspaceRoot).filter((file) => !ABOUT_WORDS.test(file));
  const problems = privateNameProblems([
    ...files.flatMap(privatePath),
    ...files
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => privateNamesIn(file, readFileSync(join(workspaceRoot, file), 'utf8'))),
  ]);
  console.log(`${problems.length} private words in names of ${files.length} files`);
  expect(files.length).toBeGreaterThan(300);
  expect(problems).toEqual([]);
});
