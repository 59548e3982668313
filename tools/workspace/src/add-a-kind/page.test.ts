import { expect, it } from 'vitest';
import { applyChange, linesOfCode, readPage } from './page.ts';

const PAGE = [
  'Text.',
  '```ts file=a/b.ts',
  'const x = 1;',
  '```',
  '```sh',
  'make',
  '```',
  '```diff',
  '--- a/c.ts',
  '+++ b/c.ts',
  '@@',
  ' x',
  '-y',
  '+z',
  '```',
  '',
].join('\n');

it('takes files and changes from a page, and leaves commands alone', () => {
  expect(readPage(PAGE)).toEqual({
    files: [{ path: 'a/b.ts', text: 'const x = 1;\n' }],
    changes: [{ path: 'c.ts', before: 'x\ny', after: 'x\nz' }],
  });
});

it('counts lines that say something to the machine', () => {
  expect(linesOfCode('// why\n/**\n * why\n */\n\nrun();\n# why\nkey: 1\n')).toBe(2);
});

it('changes lines that are there once, and says which are not', () => {
  const change = { path: 'c.ts', before: 'x\ny', after: 'x\nz' };
  expect(applyChange('w\nx\ny\n', change)).toBe('w\nx\nz\n');
  expect(() => applyChange('w\n', change)).toThrow('c.ts: these lines are there 0 times');
});
