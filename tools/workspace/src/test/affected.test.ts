import { expect, it } from 'vitest';
import { isLeaf, projectsThatRead, type ProjectFolder } from './affected.ts';

const inputs = (...globs: string[]) => ({ targets: { test: { inputs: ['default', ...globs] } } });
const projects: ProjectFolder[] = [
  { root: 'libs/api', manifest: { name: 'api', nx: inputs('{workspaceRoot}/docs/reference/**/*') } },
  { root: 'libs/scaling', manifest: { name: 'scaling', nx: inputs('{workspaceRoot}/docs/autoscaling.md') } },
  { root: 'libs/scaling-bus', manifest: { name: 'scaling-bus' } },
];

it('tests and pages break nothing that depends on their project; sources may', () => {
  expect(['libs/api/src/cel.test.ts', 'libs/api/src/a.integration.test.ts', 'docs/workers.md'].map(isLeaf)).toEqual([
    true,
    true,
    true,
  ]);
  expect(['libs/api/src/cel.ts', 'libs/api/package.json', 'charts/autoscaler/values.yaml'].some(isLeaf)).toBe(false);
});

it('a file is read by the project it lies in, and by those that name it among their inputs', () => {
  expect(projectsThatRead('libs/scaling/src/rise.test.ts', projects)).toEqual(['scaling']);
  expect(projectsThatRead('docs/reference/queue.md', projects)).toEqual(['api']);
  expect(projectsThatRead('docs/autoscaling.md', projects)).toEqual(['scaling']);
  expect(projectsThatRead('docs/architecture.md', projects)).toEqual([]);
});
