import type { Step } from './step.ts';

/** A step as far as it is known before it is known where it runs and logs. */
export type Plan = Pick<Step, 'name' | 'command' | 'remedy' | 'yields'> & { cwd?: string };

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
/** The projects with end-to-end tests. Each starts clusters of its own, so their tests run side by side. */
const E2E = [
  { name: 'e2e', project: '@redis-queue/e2e', cwd: 'e2e' },
  { name: 'e2e cluster', project: '@redis-queue/cluster', cwd: 'tools/cluster' },
];

/**
 * Every step, in the order of their cost. Those of one stage run side by side. End-to-end tests mostly wait, and unit
 * tests, which have no seconds to keep, take what they leave. Integration tests run by themselves: beside pods that start
 * by the dozen, they miss the seconds that they give the product.
 */
export function allSteps(): Plan[][] {
  return [[format(['.']), TYPECHECK, LINT], [build()], [units(), ...E2E.map(e2e)], [tests('integration')]];
}

/**
 * Keeps the steps whose name starts with one of `prefixes`.
 *
 * @throws Error when a prefix fits no step that there is at all: a test of nothing would pass.
 */
export function onlySteps(stages: Plan[][], prefixes: string[]): Plan[][] {
  const names = [...allSteps(), ...stages].flatMap((stage) => stage.map(({ name }) => name));
  const unknown = prefixes.find((prefix) => prefix === '' || !names.some((name) => name.startsWith(prefix)));
  if (unknown !== undefined)
    throw new Error(`--only ${unknown}: no step starts so; there are ${[...new Set(names)].join(', ')}`);
  return stages.map((stage) => stage.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix))));
}

/** The steps that a change can have broken; a step without a project or a file is left out. */
export function changedSteps({ files, projects, hasTarget }: Changed): Plan[][] {
  const affected = (target: string): string[] => projects.filter((project) => hasTarget(project, target));
  const integration = affected('integration');
  const changed = files.length > 0 ? [format(['--ignore-unknown', '--', ...files])] : [];
  // Types and lint take as long for all projects as for some.
  const checked = [
    ...(affected('typecheck').length > 0 ? [TYPECHECK] : []),
    ...(affected('lint').length > 0 ? [LINT] : []),
  ];
  const built = affected('build').length > 0 ? [build(affected('build'))] : [];
  const endToEnd = E2E.filter(({ project }) => affected('e2e').includes(project)).map(e2e);
  return [
    [...changed, ...checked],
    built,
    [units([...new Set([...affected('test'), WORKSPACE])]), ...endToEnd],
    integration.length > 0 ? [tests('integration', integration)] : [],
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
function tests(name: 'unit' | 'integration', projects: string[] = []): Plan {
  const mode = name === 'unit' ? 'test' : name;
  const some = projects.map((project) => `--project=${project}`);
  return { name, command: ['npx', 'vitest', 'run', '--mode', mode, ...some], remedy: `npx nx ${mode} PROJECT` };
}

function units(projects?: string[]): Plan {
  return { ...tests('unit', projects), yields: true };
}

function e2e({ name, project, cwd }: (typeof E2E)[number]): Plan {
  return {
    name,
    command: ['npx', 'vitest', 'run', '--mode', 'e2e'],
    cwd,
    remedy: `npx nx e2e ${project}; the clusters that are left: tools/cluster/cluster status`,
  };
}
