import { expect, it } from 'vitest';
import { blocksOf } from './doc-blocks.ts';

const PAGE = [
  '# Page',
  '',
  '## One',
  '',
  '```sh',
  'first',
  '```',
  '',
  '## Two',
  '',
  '1. In a list:',
  '',
  '   ```yaml',
  '   a:',
  '     b: 1',
  '   ```',
  '',
  '   ```',
  '   output',
  '   ```',
  '',
].join('\n');

it('gives what is applied and run of one section, without the indent of its list', () => {
  expect(blocksOf(PAGE, 'One')).toEqual([{ language: 'sh', text: 'first' }]);
  expect(blocksOf(PAGE, 'Two')).toEqual([{ language: 'yaml', text: 'a:\n  b: 1' }]);
});

it('fails for a section that has none, as when its heading was changed', () => {
  expect(() => blocksOf(PAGE, 'Three')).toThrow('"Three" has no blocks');
});
