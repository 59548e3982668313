import { expect, it } from 'vitest';
import { allSteps, changedSteps } from './steps.ts';

const SCRIPTS: Record<string, string[]> = {
  '@redis-queue/api': ['typecheck', 'test', 'integration'],
  '@redis-queue/e2e': ['typecheck', 'e2e'],
  '@redis-queue/workspace': ['test'],
};
const hasTarget = (project: string, target: string): boolean => SCRIPTS[project]!.includes(target);

const run = (files: string[], projects: string[]): Record<string, string> =>
  Object.fromEntries(changedSteps({ files, projects, hasTarget }).map(({ name, command }) => [name, command.at(-1)!]));

it('runs every step over everything, cheap ones first', () => {
  const steps = allSteps();
  expect(steps.map(({ name }) => name)).toEqual(['format', 'typecheck', 'lint', 'build', 'unit', 'integration', 'e2e']);
  expect(steps.flatMap(({ command }) => command).some((word) => word.startsWith('--projects'))).toBe(false);
});

it('of a change runs the projects that depend on it, where they have the target, and formats its files', () => {
  expect(run(['libs/api/src/a.ts'], ['@redis-queue/api', '@redis-queue/e2e'])).toEqual({
    format: 'libs/api/src/a.ts',
    typecheck: '--projects=@redis-queue/api,@redis-queue/e2e',
    unit: '--projects=@redis-queue/api,@redis-queue/workspace',
    integration: '--projects=@redis-queue/api',
    e2e: '--projects=@redis-queue/e2e',
  });
});

it('leaves end to end out when nothing that it depends on changed', () => {
  expect(Object.keys(run(['libs/api/src/a.ts'], ['@redis-queue/api']))).toEqual([
    'format',
    'typecheck',
    'unit',
    'integration',
  ]);
});

it('always checks the workspace as a whole, once', () => {
  expect(run(['docs/a.md'], [])).toEqual({ format: 'docs/a.md', unit: '--projects=@redis-queue/workspace' });
  expect(run([], ['@redis-queue/workspace'])).toEqual({ unit: '--projects=@redis-queue/workspace' });
});
