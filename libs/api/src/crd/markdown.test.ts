import { expect, test } from 'vitest';
import { list, paragraph, table } from './markdown.ts';

test('a paragraph is wrapped at 120 characters', () => {
  const lines = paragraph('seven77 '.repeat(40)).split('\n');
  expect(lines.map((line) => line.length)).toEqual([119, 119, 79]);
});

test('inline code is never broken, even where it is longer than a line', () => {
  const code = `\`${'a b '.repeat(40)}\`,`;
  expect(paragraph(`before ${code} after`)).toBe(`before\n${code}\nafter`);
});

test('lines of a list entry are indented below its text', () => {
  const [first, second] = list([`${'x'.repeat(118)} y`]).split('\n');
  expect(first).toHaveLength(120);
  expect(second).toBe('  y');
});

test('columns of a table are as wide as their widest cell, at least three characters', () => {
  expect(table(['A', 'Bounds'], [['x', '≥ 1']])).toBe('| A   | Bounds |\n| --- | ------ |\n| x   | ≥ 1    |');
});
