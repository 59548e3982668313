import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { allSteps, changedSteps, onlySteps } from './steps.ts';
import { Workspace } from './workspace.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../../..');

const SCRIPTS: Record<string, string[]> = {
  '@redis-queue/api': ['typecheck', 'test', 'integration'],
  '@redis-queue/e2e': ['typecheck', 'e2e'],
  '@redis-queue/workspace': ['test'],
};
const hasTarget = (project: string, target: string): boolean => SCRIPTS[project]!.includes(target);

/** The steps of a change, in their stages, each with what it is limited to. */
const run = (files: string[], projects: string[]): Record<string, string>[] =>
  changedSteps({ files, projects, hasTarget }).map((stage) =>
    Object.fromEntries(
      stage.map(({ name, command }) => [
        name,
        name === 'format'
          ? command.at(-1)!
          : command
              .filter((word) => word.startsWith('--project'))
              .map((word) => word.split('=')[1])
              .join(),
      ]),
    ),
  );

it('runs every step over everything, cheap ones first, end to end beside unit tests', () => {
  const stages = allSteps();
  expect(stages.map((stage) => stage.map(({ name }) => name))).toEqual([
    ['format', 'typecheck', 'lint'],
    ['build'],
    ['unit', 'e2e', 'e2e cluster'],
    ['integration'],
  ]);
  expect(stages.flat().flatMap(({ command }) => command)).not.toContainEqual(expect.stringMatching(/^--project/));
});

it('of a change runs the projects that depend on it, where they have the target, and formats its files', () => {
  expect(run(['libs/api/src/a.ts'], ['@redis-queue/api', '@redis-queue/e2e'])).toEqual([
    { format: 'libs/api/src/a.ts', typecheck: '' },
    { unit: '@redis-queue/api,@redis-queue/workspace', e2e: '' },
    { integration: '@redis-queue/api' },
  ]);
});

it('leaves end to end out when nothing that it depends on changed', () => {
  expect(run(['libs/api/src/a.ts'], ['@redis-queue/api']).flatMap((stage) => Object.keys(stage))).toEqual([
    'format',
    'typecheck',
    'unit',
    'integration',
  ]);
});

it('always checks the workspace as a whole, once', () => {
  expect(run(['docs/a.md'], [])).toEqual([{ format: 'docs/a.md' }, { unit: '@redis-queue/workspace' }]);
  expect(run([], ['@redis-queue/workspace'])).toEqual([{ unit: '@redis-queue/workspace' }]);
});

it('checks the types of every source in one run', () => {
  const { include } = JSON.parse(readFileSync(join(workspaceRoot, 'tsconfig.json'), 'utf8')) as { include: string[] };
  const covered = (path: string): boolean => include.includes(path.includes('/') ? path.split('/')[0]! : '*.ts');
  expect(new Workspace(workspaceRoot).sources().filter((path) => !covered(path))).toEqual([]);
});

const projectOf = (path: string): string => path.split('/src/')[0]!;

it('finds every test file in one of the runs', async () => {
  const configFile = pathToFileURL(join(workspaceRoot, 'vitest.config.ts')).href;
  const { default: config } = (await import(configFile)) as {
    default: (environment: { mode: string }) => { test: { projects: string[] } };
  };
  const { projects } = config({ mode: 'test' }).test;
  const found = new Set(globSync(projects, { cwd: workspaceRoot }).map((path) => dirname(path)));
  const testFiles = new Workspace(workspaceRoot).testFiles().map(({ path }) => path);
  expect(testFiles.filter((path) => !found.has(projectOf(path)))).toEqual([]);
  const endToEnd = testFiles.filter((path) => path.endsWith('.e2e.test.ts')).map(projectOf);
  const steps = allSteps().flatMap((stage) => stage.map(({ cwd }) => cwd));
  expect(steps).toEqual(expect.arrayContaining(endToEnd));
});

const namesOf = (prefixes: string[]): string[] =>
  onlySteps(allSteps(), prefixes).flatMap((stage) => stage.map(({ name }) => name));

it('keeps only the steps that are named, and refuses a name that fits none', () => {
  expect(namesOf(['lint', 'e2e'])).toEqual(['lint', 'e2e', 'e2e cluster']);
  expect(() => namesOf(['lint', 'unti'])).toThrow('--only unti: no step starts so; there are format, typecheck, lint');
  expect(() => namesOf([''])).toThrow('--only');
});
