import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { program, startControlPlane, workspaceRoot, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartFolder, chartsWith, controllerCharts, helm, registryFlag, render } from './rendering/helm.ts';

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
});
afterAll(() => controlPlane?.stop());

const helmIn = (namespace: string, ...args: string[]) =>
  helm([...args, '--kubeconfig', controlPlane.kubeconfigPath, '--namespace', namespace]);

/** The notes that helm would print after installing the controllers; the definitions are there already. */
async function notesOf(...flags: string[]): Promise<string> {
  const install = ['install', 'rq', chartFolder('redis-queue'), registryFlag, '--set=crds.enabled=false'];
  return (
    (await helmIn('default', ...install, '--dry-run=client', '--take-ownership', ...flags)).split('NOTES:')[1] ?? ''
  );
}

/** Every choice of controllers but none. */
const subsets = Array.from({ length: 2 ** controllerCharts.length - 1 }, (_, bits) =>
  controllerCharts.filter((__, index) => (bits + 1) & (1 << index)),
);

describe('on a real API server', () => {
  it.each(subsets.map((subset) => [subset.join(' + '), subset] as const))('%s is accepted', async (_, subset) => {
    const namespace = await controlPlane.createNamespace('subset');
    const enabled = Object.fromEntries(
      controllerCharts.map((chart) => [chart, { enabled: subset.includes(chart), replicas: 2 }]),
    );
    const objects = await render(chartFolder('redis-queue'), { namespace, values: enabled });
    const answer = await controlPlane.apply({ apiVersion: 'v1', kind: 'List', items: objects });
    for (const chart of subset) expect(answer).toContain(`deployment.apps/rq-${chart} created`);
    expect(answer.match(/deployment.apps/g)).toHaveLength(subset.length);
  });

  it.each(controllerCharts)('the pod of %s is allowed where restricted Pod Security is enforced', async (chart) => {
    const namespace = await controlPlane.createNamespace('restricted');
    await controlPlane.kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
    const objects = await render(chartFolder(chart), { namespace });
    await controlPlane.apply(objects.filter(({ kind }) => kind === 'ServiceAccount'));
    for (const owner of objects.filter(({ kind }) => ['Deployment', 'Job'].includes(kind))) {
      const { spec } = owner as unknown as { spec: { template: { spec: object } } };
      const name = `probe-${owner.kind.toLowerCase()}`;
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: spec.template.spec };
      await expect(controlPlane.apply(pod)).resolves.toContain(`pod/${name} created`);
    }
  });
});

/** Whether the ServiceAccount of that chart, of the release `rq`, may do what `kubectl auth can-i` is asked. */
async function mayIn(namespace: string, chart: string, ...question: string[]): Promise<boolean> {
  const user = `system:serviceaccount:${namespace}:rq-${chart}`;
  // `kubectl auth can-i` answers "no" with a failure.
  const answer = await controlPlane.kubectl('auth', 'can-i', `--as=${user}`, ...question).catch(String);
  return /^yes/m.test(answer);
}

describe('a controller on a real API server', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await controlPlane.createNamespace('rights');
    const objects = await render(chartFolder('redis-queue'), { namespace });
    await controlPlane.apply({ apiVersion: 'v1', kind: 'List', items: objects });
  });

  const may = (chart: string, ...question: string[]) => mayIn(namespace, chart, ...question);

  it.each(chartsWith('redis'))('%s reads redis-credentials of any namespace, and no other Secret', async (chart) => {
    expect(await may(chart, 'get', 'secret/redis-credentials', '--namespace=default')).toBe(true);
    expect(await may(chart, 'get', 'secret/another', '--namespace=default')).toBe(false);
    expect(await may(chart, 'list', 'secrets', '--all-namespaces')).toBe(false);
  });

  it('only the workerpool-controller writes Deployments and pool status', async () => {
    for (const chart of controllerCharts) {
      const expected = chart === 'workerpool-controller';
      expect(await may(chart, 'patch', 'deployments.apps', '--namespace=default')).toBe(expected);
      expect(
        await may(chart, 'patch', 'workerpools.redis-queue.io', '--subresource=status', '--namespace=default'),
      ).toBe(expected);
    }
  });
});

const SECRETS_OF_ROLES = [
  'redis-controller',
  'redis-sampler',
  'redis-worker',
  'redis-backup',
  'redis-restore',
  'redis-credentials',
  'redis-queue-bus',
];

it('with the example of a Redis user per role, each controller reads the Secrets of its own roles only', async () => {
  const values = parse(readFileSync(join(workspaceRoot, 'examples/redis-users/values.yaml'), 'utf8')) as object;
  const namespace = await controlPlane.createNamespace('per-role');
  const objects = await render(chartFolder('redis-queue'), { namespace, values });
  await controlPlane.apply({ apiVersion: 'v1', kind: 'List', items: objects });
  const readable: Record<string, string[]> = {};
  for (const chart of controllerCharts) {
    readable[chart] = [];
    for (const secret of SECRETS_OF_ROLES)
      if (await mayIn(namespace, chart, 'get', `secret/${secret}`, `--namespace=${namespace}`))
        readable[chart].push(secret);
  }
  expect(readable).toEqual({
    'queue-controller': ['redis-controller', 'redis-sampler'],
    autoscaler: ['redis-sampler', 'redis-queue-bus'],
    'workerpool-controller': ['redis-worker', 'redis-queue-bus'],
    'backup-controller': ['redis-backup', 'redis-restore'],
  });
});

it('the notes list what is installed, and ask for the Secret of the bus while something uses it', async () => {
  const notes = await notesOf('--set=autoscaler.enabled=false');
  for (const chart of controllerCharts) {
    expect(notes).toMatch(new RegExp(`^  ${chart} +${chart === 'autoscaler' ? 'off' : 'installed'}$`, 'm'));
  }
  expect(notes).not.toMatch(/^ {2}(common|crds|global) /m);
  expect(notes).toContain('create secret generic redis-queue-bus');
  const off = chartsWith('bus').map((chart) => `--set=${chart}.enabled=false`);
  expect(await notesOf(...off)).not.toContain('redis-queue-bus');
});

it('the notes name the Secrets that the controllers read, whoever set the names, and never an empty list', async () => {
  const own = [
    '--set=global.redis.secretNames=null',
    '--set=global.bus.secretName=',
    '--set=autoscaler.bus.secretName=own',
  ];
  const notes = await notesOf(...own, '--set=queue-controller.redis.secretNames={redis-a,redis-b}');
  const named = [...notes.matchAll(/create secret generic (\S+)/g)].map(([, name]) => name);
  expect(named).toEqual(['own', 'redis-queue-bus', 'redis-credentials', 'redis-a']);
});

it('the notes print the entry of every confined ServiceAccount, and warn of releases for all namespaces', async () => {
  const some = ['--set=global.namespaces={shop}', '--set=queue-controller.clusterId=here'];
  const notes = await notesOf(...some, '--set=autoscaler.serviceAccount.name=own');
  for (const chart of controllerCharts) {
    const account = chart === 'autoscaler' ? 'own' : `rq-${chart}`;
    const lines = [
      `- controller: ${chart}`,
      `  namespace: default`,
      `  serviceAccountName: ${account}`,
      `  leaseName: rq-${chart}`,
    ];
    expect(notes).toContain(
      lines
        .map((line) => `        ${line}\n`)
        .join('')
        .trimEnd(),
    );
  }
  expect(notes).toContain('no other release of the same chart may\nlook at all namespaces');
  expect(await notesOf()).not.toContain('- controller:');
  const off = await notesOf(...some, '--set=autoscaler.enabled=false');
  expect(off).not.toContain('- controller: autoscaler');
  // A policy over the namespace's default ServiceAccount would bind pods that are none of ours.
  const shared = await notesOf(...some, '--set=autoscaler.serviceAccount.create=false');
  expect(shared).toContain('- controller: queue-controller');
  expect(shared).not.toContain('serviceAccountName: default');
});

const install = (namespace: string, release: string, ...flags: string[]) =>
  helmIn(namespace, 'install', release, chartFolder('autoscaler'), registryFlag, ...flags);

describe('a second release of a chart', () => {
  let first: string;
  let second: string;
  beforeAll(async () => {
    await controlPlane.kubectl('delete', 'clusterrole', 'redis-queue:claim:autoscaler', '--ignore-not-found');
    [first, second] = [await controlPlane.createNamespace('first'), await controlPlane.createNamespace('second')];
    await install(first, 'one');
  });
  afterAll(() => helmIn(first, 'uninstall', 'one'));

  it('that looks at all namespaces too is refused, with the one that does and the way out', async () => {
    const message = `release ${first}/one of the chart autoscaler looks at all namespaces already`;
    await expect(install(second, 'two')).rejects.toThrow(message);
    await expect(install(first, 'two')).rejects.toThrow('give both releases different namespaces');
    await expect(helmIn(first, 'upgrade', 'one', chartFolder('autoscaler'), registryFlag)).resolves.toContain('STATUS');
  });

  it('for other namespaces has a Lease of its own, and for a namespace that has one already it is refused', async () => {
    const [shop, crm] = [await controlPlane.createNamespace('shop'), await controlPlane.createNamespace('crm')];
    await install(second, 'shop', `--set=namespaces={${shop}}`);
    await install(second, 'crm', `--set=namespaces={${crm}}`);
    const deployments = await controlPlane.kubectl('get', 'deployments', '--namespace', second, '--output=json');
    const leases = [...deployments.matchAll(/--lease-name=([a-z-]+)/g)].map(([, name]) => name);
    expect(new Set(leases)).toEqual(new Set(['crm-autoscaler', 'shop-autoscaler']));
    const both = install(second, 'both', `--set=namespaces={${crm},${shop}}`);
    await expect(both).rejects.toThrow('Role "redis-queue:claim:autoscaler"');
    await helmIn(second, 'uninstall', 'shop');
    await helmIn(second, 'uninstall', 'crm');
  });

  it('for all namespaces is refused while another looks at one, with that one and the way out', async () => {
    const [shop, away] = [await controlPlane.createNamespace('shop'), await controlPlane.createNamespace('away')];
    await install(away, 'some', `--set=namespaces={${shop}}`);
    const message = `release ${away}/some of the chart autoscaler looks at the namespace ${shop}`;
    const upgrade = helmIn(first, 'upgrade', 'one', chartFolder('autoscaler'), registryFlag);
    await expect(upgrade).rejects.toThrow(message);
    // One's own Roles are no obstacle: whoever looked at some namespaces may look at all, once the others are gone.
    await helmIn(away, 'uninstall', 'some');
    await helmIn(first, 'upgrade', 'one', chartFolder('autoscaler'), registryFlag, `--set=namespaces={${shop}}`);
    await expect(helmIn(first, 'upgrade', 'one', chartFolder('autoscaler'), registryFlag)).resolves.toContain('STATUS');
  });
});

/** Of charts/README.md, which removes the finalizers of Queues. */
function uninstallCommand(): string {
  const page = readFileSync(join(workspaceRoot, 'charts/README.md'), 'utf8');
  return [...page.matchAll(/```sh\n([^`]+)```/g)]
    .map(([, command]) => command!)
    .find((command) => command.includes('finalizers'))!;
}

/** With the kubectl of the tests. */
async function runInShell(command: string): Promise<void> {
  const kubectl = `kubectl() { '${program('kube')}' kubectl --kubeconfig='${controlPlane.kubeconfigPath}' "$@"; }`;
  await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `${kubectl}\n${command}`], {
    env: { ...process.env, NO_PROXY: '*' },
  });
}

it('uninstalling leaves the definitions and every Queue; installing again takes them over', async () => {
  const namespace = await controlPlane.createNamespace('release');
  await controlPlane.kubectl('delete', 'crd', '--all');
  const clusterWide = 'clusterrole,validatingadmissionpolicy,validatingadmissionpolicybinding';
  await controlPlane.kubectl('delete', clusterWide, '--selector=app.kubernetes.io/part-of=redis-queue');
  await helmIn(namespace, 'install', 'rq', chartFolder('redis-queue'), registryFlag);
  await controlPlane.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
  await controlPlane.apply({
    apiVersion: 'redis-queue.io/v1',
    kind: 'Queue',
    metadata: { name: 'emails', namespace },
    spec: {},
  });

  // Without hooks, which do by themselves what the command below does by hand: uninstall.integration.test.ts.
  await helmIn(namespace, 'uninstall', 'rq', '--no-hooks');
  expect(await controlPlane.kubectl('get', 'deployments', '--namespace', namespace, '--output=name')).toBe('');
  expect(await controlPlane.kubectl('get', 'queues', '--namespace', namespace, '--output=name')).toContain('emails');

  // A Queue that holds its data, and its namespace with it, goes by the command for when no controller is left.
  const held = { name: 'held', namespace, finalizers: ['redis-queue.io/queue-data'] };
  await controlPlane.apply({ apiVersion: 'redis-queue.io/v1', kind: 'Queue', metadata: held, spec: {} });
  const queues = () => controlPlane.kubectl('get', 'queues', '--namespace', namespace, '--output=name');
  await controlPlane.kubectl('delete', 'queue', 'held', '--namespace', namespace, '--wait=false');
  expect(await queues()).toContain('held');
  await runInShell(uninstallCommand());
  expect(await queues()).not.toContain('held');

  await helmIn(namespace, 'install', 'rq', chartFolder('redis-queue'), registryFlag);
  // As the README has it: the values that were set before stay, among them the registry.
  const upgrade = ['upgrade', 'rq', chartFolder('redis-queue'), '--reset-then-reuse-values'];
  await helmIn(namespace, ...upgrade, '--set=autoscaler.replicas=2');
  expect(await controlPlane.kubectl('get', 'queues', '--namespace', namespace, '--output=name')).toContain('emails');
});
