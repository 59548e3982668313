import { expect, it } from 'vitest';
import { linesOfCode, readPage } from './page.ts';

const PAGE = [
  'Text.',
  '```ts file=a/b.ts',
  'const x = 1;',
  '```',
  '```sh',
  'make',
  '```',
  '```diff',
  '+y',
  '```',
  '',
].join('\n');

it('takes files and changes from a page, and leaves commands alone', () => {
  expect(readPage(PAGE)).toEqual({ files: [{ path: 'a/b.ts', text: 'const x = 1;\n' }], patches: ['+y\n'] });
});

it('counts lines that say something to the machine', () => {
  expect(linesOfCode('// why\n/**\n * why\n */\n\nrun();\n# why\nkey: 1\n')).toBe(2);
});
