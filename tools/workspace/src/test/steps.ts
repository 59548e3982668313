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

interface Target {
  name: string;
  target: string;
  parallel: number;
  remedy: string;
}

const TARGETS: Target[] = [
  { name: 'typecheck', target: 'typecheck', parallel: 2, remedy: 'npx nx typecheck PROJECT' },
  { name: 'lint', target: 'lint', parallel: 2, remedy: 'npx nx lint PROJECT' },
  { name: 'build', target: 'build', parallel: 2, remedy: 'npx nx build PROJECT' },
  { name: 'unit', target: 'test', parallel: 2, remedy: 'npx nx test PROJECT' },
  { name: 'integration', target: 'integration', parallel: 3, remedy: 'npx nx integration PROJECT' },
  {
    name: 'e2e',
    target: 'e2e',
    parallel: 1,
    remedy: 'npx nx e2e e2e; the clusters that are left: tools/cluster/cluster status',
  },
];

/** Every step, in the order of their cost. */
export function allSteps(): Plan[] {
  return [format(['.']), ...TARGETS.map((target) => nx(target))];
}

/** The steps that a change can have broken; a step without a project or a file is left out. */
export function changedSteps({ files, projects, hasTarget }: Changed): Plan[] {
  const steps = TARGETS.map((target) => {
    const candidates = target.target === 'test' ? [...new Set([...projects, WORKSPACE])] : projects;
    return { target, affected: candidates.filter((project) => hasTarget(project, target.target)) };
  }).filter(({ affected }) => affected.length > 0);
  return [
    ...(files.length > 0 ? [format(['--ignore-unknown', '--', ...files])] : []),
    ...steps.map(({ target, affected }) => nx(target, affected)),
  ];
}

function format(what: string[]): Plan {
  return {
    name: 'format',
    command: ['npx', 'prettier', '--check', '--log-level=warn', ...what],
    remedy: 'make fix',
  };
}

function nx({ name, target, parallel, remedy }: Target, projects?: string[]): Plan {
  const options = ['--outputStyle=stream', '--nxBail=false', `--parallel=${parallel}`];
  const some = projects ? [`--projects=${projects.join(',')}`] : [];
  return { name, command: ['npx', 'nx', 'run-many', '-t', target, ...options, ...some], remedy };
}
