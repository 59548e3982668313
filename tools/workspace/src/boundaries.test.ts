import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { APP_NAMES } from '@redis-queue/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violation, type Project } from './boundaries.ts';
import { importsOf, type ImportEdge } from './imports.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../..');
let projects: Project[];
let scratch: string;

interface NxGraph {
  graph: { nodes: Record<string, { data: { root: string } }> };
}

/** The projects as Nx sees them, so that what Nx builds and what is checked cannot differ. */
function readProjects(): Project[] {
  const file = join(scratch, 'graph.json');
  execFileSync('npx', ['nx', 'graph', `--file=${file}`], {
    cwd: workspaceRoot,
    stdio: 'pipe',
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  const { graph } = JSON.parse(readFileSync(file, 'utf8')) as NxGraph;
  return Object.values(graph.nodes)
    .map(({ data }) => data.root)
    .filter((root) => root !== '.')
    .map((root) => {
      const manifest = JSON.parse(readFileSync(join(workspaceRoot, root, 'package.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      return {
        name: manifest['name'] as string,
        root,
        dependencies: Object.keys((manifest['dependencies'] as object) ?? {}),
        devDependencies: Object.keys((manifest['devDependencies'] as object) ?? {}),
      };
    });
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'boundaries-'));
  projects = readProjects();
}, 60_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const project = (root: string): Project => projects.find((each) => each.root === root)!;
const edge = (file: string, specifier: string, target: ImportEdge['target']): ImportEdge => ({
  file,
  specifier,
  target,
});

describe('the project graph', () => {
  it('knows every app and lib of the architecture', () => {
    const roots = projects.map((each) => each.root);
    expect(roots.filter((root) => root.startsWith('apps/')).toSorted()).toEqual(
      APP_NAMES.map((name) => `apps/${name}`).toSorted(),
    );
    for (const lib of ['api', 'controller', 'bullmq', 'redis-access', 'scaling', 'scaling-bus', 'worker', 'rig'])
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
