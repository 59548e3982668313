import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importsOf } from './imports.ts';

let workspace: string;

beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'imports-'));
  mkdirSync(join(workspace, 'libs/house/src/deep'), { recursive: true });
});
afterAll(() => rmSync(workspace, { recursive: true, force: true }));

it('finds every form of import with its line and what it names', () => {
  const source = [
    "import { readFileSync } from 'node:fs';",
    "import type { A } from '../a.ts';",
    "import { b } from '@redis-queue/api/testing';",
    "export * from './c.ts';",
    "export { d, type D } from './d.ts';",
    "const e = await import('./e.ts');",
    'const f = await import(computed);',
  ].join('\n');
  writeFileSync(join(workspace, 'libs/house/src/deep/all.ts'), source);
  const found = importsOf(workspace, 'libs/house').map(({ line, target }) => ({ line, ...target }));
  expect(found).toEqual([
    { line: 1, builtin: 'node:fs' },
    { line: 2, path: 'libs/house/src/a.ts' },
    { line: 3, package: '@redis-queue/api' },
    { line: 4, path: 'libs/house/src/deep/c.ts' },
    { line: 5, path: 'libs/house/src/deep/d.ts' },
    { line: 6, path: 'libs/house/src/deep/e.ts' },
  ]);
});
