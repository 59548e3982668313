import type { Step } from './step.ts';

/** A step as far as it is known before it is known where it runs and logs. */
export type Plan = Pick<Step, 'name' | 'command' | 'remedy'> & { cwd?: string };

/** What is affected by a change. */
export interface Changed {
  /** Paths relative to the workspace. */
  files: string[];
  /** Names of the projects that depend on them, such as `@redis-queue/api`. */
  projects: string[];
  /** The targets of a project: the scripts of its package.json. */
  hasTarget: (project: string, target: string) => boolean;
}

/** The project whose unit tests are the checks over the whole workspace. */
const WORKSPACE = '@redis-queue/workspace';

const TYPECHECK: Plan = {
  name: 'typecheck',
  command: ['npx', 'tsc', '-p', 'tsconfig.json'],
  remedy: 'npx tsc -p tsconfig.json',
};
const LINT: Plan = {
  name: 'lint',
  command: ['npx', 'oxlint', '--type-aware', '--deny-warnings', '.'],
  remedy: 'npx oxlint --type-aware --deny-warnings .',
};
const E2E_REMEDY = 'npx nx e2e PROJECT; the clusters that are left: tools/cluster/cluster status';

/**
 * Every step, in the order of their cost. Those of one stage run side by side: end-to-end tests wait for pods most of
 * the time, in which integration tests use the processors.
 */
export function allSteps(): Plan[][] {
  return [
    [format(['.']), TYPECHECK, LINT],
    [build(), tests('unit')],
    [tests('integration'), tests('e2e')],
  ];
}

/** The steps that a change can have broken; a step without a project or a file is left out. */
export function changedSteps({ files, projects, hasTarget }: Changed): Plan[][] {
  const affected = (target: string): string[] => projects.filter((project) => hasTarget(project, target));
  const some = (step: 'integration' | 'e2e'): Plan[] =>
    affected(step).length > 0 ? [tests(step, affected(step))] : [];
  const changed = files.length > 0 ? [format(['--ignore-unknown', '--', ...files])] : [];
  // Types and lint take as long for all projects as for some.
  const checked = [
    ...(affected('typecheck').length > 0 ? [TYPECHECK] : []),
    ...(affected('lint').length > 0 ? [LINT] : []),
  ];
  const built = affected('build').length > 0 ? [build(affected('build'))] : [];
  const units = tests('unit', [...new Set([...affected('test'), WORKSPACE])]);
  return [
    [...changed, ...checked],
    [...built, units],
    [...some('integration'), ...some('e2e')],
  ].filter((stage) => stage.length > 0);
}

function format(what: string[]): Plan {
  return {
    name: 'format',
    command: ['npx', 'prettier', '--check', '--cache', '--cache-strategy=content', '--log-level=warn', ...what],
    remedy: 'make fix',
  };
}

function build(projects?: string[]): Plan {
  const options = ['--outputStyle=stream', '--nxBail=false', '--parallel=2'];
  const some = projects ? [`--projects=${projects.join(',')}`] : [];
  return {
    name: 'build',
    command: ['npx', 'nx', 'run-many', '-t', 'build', ...options, ...some],
    remedy: 'npx nx build PROJECT',
  };
}

/** One run of Vitest over the tests of one kind, of all projects or some. */
function tests(step: 'unit' | 'integration' | 'e2e', projects: string[] = []): Plan {
  const mode = step === 'unit' ? 'test' : step;
  const some = projects.map((project) => `--project=${project}`);
  const remedy = step === 'e2e' ? E2E_REMEDY : `npx nx ${mode} PROJECT`;
  return { name: step, command: ['npx', 'vitest', 'run', '--mode', mode, ...some], remedy };
}
