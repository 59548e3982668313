import { resolve } from 'node:path';
import { APP_NAMES } from '@redis-queue/api';
import { beforeAll, describe, expect, it } from 'vitest';
import { violation, type Project } from './boundaries.ts';
import { importsOf, type ImportEdge } from './imports.ts';
import { readProjects } from './projects.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../..');
let projects: Project[];

beforeAll(() => {
  projects = readProjects(workspaceRoot);
}, 60_000);

const project = (root: string): Project => projects.find((each) => each.root === root)!;
const edge = (file: string, specifier: string, target: ImportEdge['target']): ImportEdge => ({
  file,
  line: 1,
  specifier,
  target,
});

describe('the project graph', () => {
  it('knows every app and lib of the architecture', () => {
    const roots = projects.map((each) => each.root);
    expect(roots.filter((root) => root.startsWith('apps/')).toSorted()).toEqual(
      APP_NAMES.map((name) => `apps/${name}`).toSorted(),
    );
    for (const lib of [
      'api',
      'backup',
      'controller',
      'bullmq',
      'redis-access',
      'scaling',
      'simulator',
      'scaling-bus',
      'worker',
      'rig',
    ])
      expect(roots).toContain(`libs/${lib}`);
  });

  it('holds every boundary, import by import', () => {
    const found = projects.flatMap((from) =>
      importsOf(workspaceRoot, from.root).flatMap((each) => violation(each, from, projects) ?? []),
    );
    expect(found).toEqual([]);
  });

  it('really uses every package that the workspace is built on', () => {
    const used = new Set(
      projects
        .flatMap((from) => importsOf(workspaceRoot, from.root))
        .flatMap(({ target }) => ('package' in target ? [target.package] : [])),
    );
    for (const name of ['@kubernetes/client-node', 'bullmq', 'ioredis', 'prom-client', 'zod', 'vitest'])
      expect(used).toContain(name);
  });
});

describe('a forbidden import is named', () => {
  it.each<[string, string, string, ImportEdge['target'], RegExp]>([
    [
      'an app that imports an app',
      'apps/autoscaler',
      '@redis-queue/queue-controller',
      { package: '@redis-queue/queue-controller' },
      /not among the runtime dependencies/,
    ],
    [
      'an app that talks to Redis itself',
      'apps/autoscaler',
      'ioredis',
      { package: 'ioredis' },
      /not among|only libs\/bullmq/,
    ],
    [
      'a path that leaves its project',
      'apps/autoscaler',
      '../../queue-controller/src/plan.ts',
      { path: 'apps/queue-controller/src/plan.ts' },
      /leaves apps\/autoscaler/,
    ],
    [
      'the test servers in production code',
      'apps/autoscaler',
      '@redis-queue/rig',
      { package: '@redis-queue/rig' },
      /not among the runtime dependencies/,
    ],
  ])('%s', (_, root, specifier, target, expected) => {
    expect(violation(edge(`${root}/src/main.ts`, specifier, target), project(root), projects)).toMatch(expected);
  });

  it('a lib of pure mathematics that imports the runtime, although it declares it', () => {
    const scaling = { ...project('libs/scaling'), dependencies: ['@redis-queue/controller', 'ioredis'] };
    const of = (specifier: string) =>
      violation(edge('libs/scaling/src/size.ts', specifier, { package: specifier }), scaling, projects);
    expect(of('@redis-queue/controller')).toMatch(/may import @redis-queue\/api/);
    expect(of('ioredis')).toMatch(/only libs\/bullmq/);
  });

  it('a simulator that imports a client library, or reads a file', () => {
    const simulator = { ...project('libs/simulator'), dependencies: ['@redis-queue/bullmq', 'bullmq'] };
    const of = (target: ImportEdge['target']) =>
      violation(edge('libs/simulator/src/index.ts', Object.values(target)[0] as string, target), simulator, projects);
    expect(of({ package: '@redis-queue/bullmq' })).toMatch(/may import @redis-queue\/scaling, @redis-queue\/api$/);
    expect(of({ package: 'bullmq' })).toMatch(/only libs\/bullmq/);
    expect(of({ builtin: 'node:fs' })).toMatch(/does no I\/O/);
  });

  it('a backup that knows of queues or of Kubernetes, although it declares it', () => {
    const names = ['@redis-queue/bullmq', '@redis-queue/controller'];
    const backup = { ...project('libs/backup'), dependencies: names };
    for (const name of names) {
      const found = violation(edge('libs/backup/src/index.ts', name, { package: name }), backup, projects);
      expect(found).toMatch(/libs\/backup may import no lib$/);
    }
  });

  it('allows what the architecture allows', () => {
    const app = project('apps/autoscaler');
    expect(
      violation(
        edge('apps/autoscaler/src/main.ts', '@redis-queue/scaling', { package: '@redis-queue/scaling' }),
        app,
        projects,
      ),
    ).toBeUndefined();
  });
});
