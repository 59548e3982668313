import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { longLines } from './docs-width.ts';
import { textFiles } from './files.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../..');
const long = 'word '.repeat(25).trim();

it('finds a line of prose that is longer than 120 characters, in lists and quotations too', () => {
  expect(longLines('a.md', `short\n${long}\n- ${long}\n> ${long}`)).toEqual([
    'a.md:2: 124 characters, more than 120: run `make fix`',
    'a.md:3: 126 characters, more than 120: run `make fix`',
    'a.md:4: 126 characters, more than 120: run `make fix`',
  ]);
});

it('goes on after a block of code has ended', () => {
  expect(longLines('a.md', `\`\`\`sh\n${long}\n\`\`\`\n${long}`)).toHaveLength(1);
});

it.each([
  ['a block of code', `\`\`\`sh\n${long}\n\`\`\``],
  ['a block of code in another', `\`\`\`\`md\n\`\`\`sh\n${long}\n\`\`\`\n${long}\n\`\`\`\``],
  ['the row of a table', `| ${long} |`],
  ['an address', `- https://example.com/${'x'.repeat(120)}`],
])('leaves out %s', (_, text) => expect(longLines('a.md', text)).toEqual([]));

it('no page of the workspace has one', () => {
  const pages = textFiles(workspaceRoot).filter((file) => file.endsWith('.md'));
  expect(pages.length).toBeGreaterThan(60);
  expect(pages.flatMap((file) => longLines(file, readFileSync(join(workspaceRoot, file), 'utf8')))).toEqual([]);
});
