import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { disagreements, readDecision, type Decision } from './decision.ts';
import { indexPage } from './index-page.ts';
import { INDEX, readDecisions } from './pages.ts';

const page = (file: string, head: string, heading: string): Decision =>
  readDecision(file, `---\ndate: 2026-11-21\nstatus: ${head}\n---\n\n# ${heading}\n`);

it('lists pages by number, with what was replaced seen from both sides', async () => {
  const text = await indexPage([
    page('0003-c.md', "Accepted\nreplaces:\n  - '0001'\n  - '0002: the grid'", '3. C'),
    page('0002-b.md', 'Accepted', '2. B'),
    page('0001-a.md', 'Superseded by 0003', '1. A'),
  ]);
  const rows = text.split('\n').filter((line) => /^\| \d/.test(line));
  expect(
    rows.map((row) =>
      row
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    ),
  ).toEqual([
    ['0001', '[A](0001-a.md)', '2026-11-21', 'Superseded by [0003](0003-c.md)', ''],
    ['0002', '[B](0002-b.md)', '2026-11-21', 'Accepted; in part replaced by [0003](0003-c.md)', ''],
    ['0003', '[C](0003-c.md)', '2026-11-21', 'Accepted', '[0001](0001-a.md); [0002](0002-b.md): the grid'],
  ]);
});

it('docs/decisions/README.md is what `make generate` writes', async () => {
  expect(readFileSync(INDEX, 'utf8')).toBe(await indexPage(readDecisions()));
});

it('the pages agree with each other', () => {
  expect(disagreements(readDecisions())).toEqual([]);
});
