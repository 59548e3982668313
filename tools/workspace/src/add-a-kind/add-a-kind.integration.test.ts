import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  eventually,
  helmPath,
  startControlPlane,
  startProcess,
  workspaceRoot,
  type ControlPlane,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOfCode, readPage } from './page.ts';
import { followPage, type Scratch } from './scratch.ts';

// The page docs/add-a-kind.md, followed to the letter.

const MAX_LINES_OF_RUNTIME = 60;
const page = readPage(readFileSync(join(workspaceRoot, 'docs/add-a-kind.md'), 'utf8'));
let scratch: Scratch;
let cluster: ControlPlane;
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { cwd: scratch.folder, encoding: 'utf8', stdio: 'pipe' });

beforeAll(async () => {
  scratch = followPage(workspaceRoot, page);
  run(process.execPath, 'libs/api/src/crd/generate.ts');
  run(process.execPath, 'tools/charts/src/generate.ts');
  cluster = await startControlPlane();
  await cluster.kubectl('apply', '-f', join(scratch.folder, 'crds/redis-queue.io_teams.yaml'));
  await cluster.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd/teams.redis-queue.io');
});
afterAll(async () => {
  await cluster?.stop();
  scratch?.[Symbol.dispose]();
});

it('costs few lines that are particular to the runtime, not to the kind', () => {
  const ofRuntime = page.files.filter(
    ({ path }) => /^(apps\/[^/]+\/|charts\/)/.test(path) && !/\/kind(\.test)?\.ts$/.test(path),
  );
  const lines = ofRuntime.map(({ path, text }) => ({ path, lines: linesOfCode(text) }));
  const sum = lines.reduce((total, each) => total + each.lines, 0);
  console.log(JSON.stringify({ runtimeLines: sum, must: MAX_LINES_OF_RUNTIME, files: lines }));
  expect(ofRuntime.map(({ path }) => path)).toContain('apps/team-controller/src/wire.ts');
  expect(sum).toBeLessThanOrEqual(MAX_LINES_OF_RUNTIME);
});

it('is sound TypeScript', () => {
  const tsc = join(workspaceRoot, 'node_modules/typescript/bin/tsc');
  for (const project of ['libs/api', 'apps/team-controller']) {
    expect(run(process.execPath, tsc, '-p', join(project, 'tsconfig.json'))).toBe('');
  }
});

it('has a chart that renders with the rights of the page and none of Redis', () => {
  const chart = join(scratch.folder, 'charts/team-controller');
  const rendered = run(
    helmPath(),
    'template',
    'team-controller',
    chart,
    '--kube-version=1.30.0',
    '--set=image.registry=registry.example',
  );
  expect(rendered).toContain('kind: Deployment');
  expect(rendered).toContain('registry.example/redis-queue/team-controller');
  expect(rendered).toMatch(/resources: \[?\n?\s*-? ?teams\/status/);
  expect(rendered).not.toMatch(/redis-secret|secrets/);
  expect(globSync('docs/reference/team.md', { cwd: scratch.folder })).toHaveLength(1);
});

const team = (name: string, contact = 'crm@example.com') => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'Team',
  metadata: { name },
  spec: { contact },
});
const read = async (type: string, name: string) =>
  JSON.parse(await cluster.kubectl('get', type, name, '-o', 'json')) as {
    metadata: { annotations?: Record<string, string> };
    status: { conditions: { type: string; status: string; reason: string; message: string }[] };
  };

const settled = (name: string, reason: string) =>
  eventually(async () => {
    const { conditions } = (await read('team', name)).status;
    if (conditions.some((each) => each.type === 'Ready' && each.reason === reason)) return conditions;
    throw new Error(JSON.stringify(conditions));
  });

describe('its controller', () => {
  it('keeps the namespace of a team, follows its spec, and says what is in the way', async () => {
    await using controller = startProcess(process.execPath, [
      join(scratch.folder, 'apps/team-controller/src/main.ts'),
      `--kubeconfig=${cluster.kubeconfigPath}`,
      '--leader-elect=false',
      '--http-port=0',
    ]);
    await cluster.apply(team('crm'));
    await settled('crm', 'Provided');
    expect((await read('namespace', 'crm')).metadata.annotations).toMatchObject({
      'redis-queue.io/contact': 'crm@example.com',
    });
    await cluster.apply(team('crm', 'sales@example.com'));
    await eventually(async () => {
      const { annotations } = (await read('namespace', 'crm')).metadata;
      return annotations?.['redis-queue.io/contact'] === 'sales@example.com';
    });
    await cluster.apply(team('default'));
    const conditions = await settled('default', 'NamespaceExists');
    expect(conditions.map(({ type, status }) => `${type} ${status}`).toSorted()).toEqual([
      'Available Unknown',
      'Degraded Unknown',
      'Ready False',
      'Stalled True',
    ]);
    expect((await controller.stop('SIGTERM')).code).toBe(0);
  });
});
