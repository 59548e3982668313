import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ROWS } from './rows/rows.ts';

it('docs/worker-duties.md names every row of the suite, and no other', () => {
  const page = readFileSync(new URL('../../../docs/worker-duties.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');
  const rows = Object.values(ROWS)
    .flat()
    .map(({ name }) => name);
  expect(new Set(rows).size).toBe(rows.length);
  expect(rows.filter((name) => !page.includes(`_${name}_`))).toEqual([]);
  const named = [...page.matchAll(/(?:^|[ |;])_([^_]+)_(?=[ ;|]|$)/g)].map(([, name]) => name!);
  const known = ['job stalled more than allowable limit', ...rows];
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});
