import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const workspaceRoot = resolve(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(workspaceRoot, file), 'utf8');
const makefile = read('Makefile');
const targets = [...makefile.matchAll(/^([a-z0-9-]+):/gm)].map(([, name]) => name!);

it('explains every target in `make help`', () => {
  const explained = [...makefile.matchAll(/^([a-z0-9-]+):.*## \S/gm)].map(([, name]) => name);
  expect(explained).toEqual(targets);
  expect([...makefile.matchAll(/^\.PHONY: (.+)$/gm)].map(([, name]) => name)).toEqual(targets);
});

it('has the targets that workflows run, and workflows run nothing else of ours', () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: workspaceRoot });
  const run = workflows.flatMap((file) =>
    [...read(file).matchAll(/\bmake ([a-z][a-z0-9-]*)/g)].map(([, name]) => name),
  );
  expect(run).toEqual(expect.arrayContaining(['test', 'release']));
  expect(run.filter((name) => !targets.includes(name!))).toEqual([]);
  for (const file of workflows) expect(read(file)).not.toMatch(/\b(npx nx|node tools\/)/);
});

it('has the targets that README, CONTRIBUTING and docs name', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: workspaceRoot })];
  const unknown = pages.flatMap((page) =>
    [...read(page).matchAll(/`make ([a-z][a-z0-9-]*)/g)]
      .filter(([, name]) => !targets.includes(name!))
      .map(([text]) => `${page}: ${text}\``),
  );
  expect(unknown).toEqual([]);
});
