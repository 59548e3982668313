import { join } from 'node:path';
import {
  eventually,
  startAppProcess,
  startControlPlane,
  workspaceRoot,
  type AppName,
  type ControlPlane,
} from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Account } from './accounts/client/account.ts';
import { chartFolder, helm, isHook, registryFlag, render } from './rendering/helm.ts';

const OURS = 'redis-queue.io/queue-data';
const OTHERS = 'example.com/wait';
const PATIENCE = { timeoutMs: 90_000, intervalMs: 100 };

interface Pods {
  items: {
    metadata: { name: string; deletionTimestamp?: string };
    spec: { serviceAccountName: string; containers: [{ args: string[] }] };
    status: { phase: string };
  }[];
}

let controlPlane: ControlPlane;
let [all, some, shop, crm] = ['', '', '', ''];
beforeAll(async () => {
  controlPlane = await startControlPlane();
  const names = ['rq-all', 'rq-some', 'shop', 'crm'];
  [all, some, shop, crm] = (await Promise.all(names.map((name) => controlPlane.createNamespace(name)))) as [
    string,
    string,
    string,
    string,
  ];
  const others = ['workerpool-controller', 'autoscaler'].map((chart) => `--set=${chart}.enabled=false`);
  await helmIn(all, 'install', 'rq', chartFolder('redis-queue'), registryFlag, '--set=crds.keep=false', ...others);
  await controlPlane.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
  const confined = [`--set=namespaces={${shop}}`, '--set=clusterId=here'];
  await helmIn(some, 'install', 'one', chartFolder('queue-controller'), registryFlag, ...confined);
  const ofShop = [queue(shop, 'held', OURS), queue(shop, 'leaving', OURS), queue(shop, 'free')];
  await controlPlane.apply([...ofShop, queue(crm, 'held', OURS), queue(crm, 'shared', OURS, OTHERS)]);
  await controlPlane.kubectl('delete', 'queue', 'leaving', '--namespace', shop, '--wait=false');
});
afterAll(() => controlPlane?.stop());

const queue = (namespace: string, name: string, ...finalizers: string[]): object => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'Queue',
  metadata: { name, namespace, finalizers },
  spec: { deletionPolicy: 'Delete' },
});

const helmIn = (namespace: string, ...args: string[]) =>
  helm([...args, '--kubeconfig', controlPlane.kubeconfigPath, '--namespace', namespace]);

/** Each Queue of a namespace with its finalizers. */
const finalizersIn = async (namespace: string): Promise<Record<string, string[]>> => {
  const list = await controlPlane.kubectl('get', 'queues', '--namespace', namespace, '--output=json');
  const { items } = JSON.parse(list) as { items: { metadata: { name: string; finalizers?: string[] } }[] };
  return Object.fromEntries(items.map(({ metadata: { name, finalizers = [] } }) => [name, finalizers]));
};

/** Does what a kubelet does with the pod of an app's hook: runs it, as its account; and says that it has succeeded. */
async function runHook(namespace: string, app: AppName): Promise<string> {
  const selector = '--selector=app.kubernetes.io/component=uninstall';
  const pod = await eventually(
    async () => {
      const list = await controlPlane.kubectl('get', 'pods', '--namespace', namespace, selector, '--output=json');
      return (JSON.parse(list) as Pods).items.find(
        ({ metadata, spec, status }) =>
          spec.serviceAccountName.endsWith(`${app}-uninstall`) &&
          status.phase !== 'Succeeded' &&
          metadata.deletionTimestamp === undefined,
      );
    },
    { ...PATIENCE, description: `the pod of the hook of the ${app}` },
  );
  const { kubeconfigPath } = await Account.of(controlPlane, namespace, pod.spec.serviceAccountName);
  const main = join(workspaceRoot, `apps/${app}/src/main.ts`);
  const hook = await startAppProcess('hook', { main, kubeconfigPath, args: pod.spec.containers[0].args });
  const { code } = await hook.exited;
  if (code !== 0) throw new Error(`the hook ended with ${code}:\n${hook.lines.join('\n')}`);
  const succeeded = JSON.stringify({ status: { phase: 'Succeeded' } });
  const patch = ['--subresource=status', '--type=merge', '--patch', succeeded];
  await controlPlane.kubectl('patch', 'pod', pod.metadata.name, '--namespace', namespace, ...patch);
  return hook.stdout.join('\n');
}

it('the hook does nothing while the release is there, as where the output of helm template is applied', async () => {
  const values = { namespaces: [shop], clusterId: 'here' };
  const rendered = await render(chartFolder('queue-controller'), { values, release: 'one', namespace: some });
  await controlPlane.apply(rendered.filter(isHook));
  expect(await runHook(some, 'queue-controller')).toContain('leaves this Job out with --no-hooks');
  expect(await finalizersIn(shop)).toEqual({ free: [], held: [OURS], leaving: [OURS] });
}, 120_000);

it('a release for a namespace lets its Queues go there alone, and the namespace can be deleted', async () => {
  const uninstalled = helmIn(some, 'uninstall', 'one', '--timeout=60s');
  const [said] = await Promise.all([runHook(some, 'queue-controller'), uninstalled]);
  expect(await finalizersIn(shop)).toEqual({ free: [], held: [] });
  expect(await finalizersIn(crm)).toEqual({ held: [OURS], shared: [OURS, OTHERS] });
  expect(said).toMatch(/"kind":"Queue","object":"shop-\w+\/leaving".*its data stays in Redis/);
  await controlPlane.kubectl('delete', 'namespace', shop, '--timeout=60s');
}, 120_000);

it('the release that takes the definitions with it lets all Queues go, keeps finalizers of others, and leaves nothing', async () => {
  const uninstalled = helmIn(all, 'uninstall', 'rq', '--timeout=120s');
  await Promise.all([runHook(all, 'queue-controller'), runHook(all, 'backup-controller'), uninstalled]);
  expect(await finalizersIn(crm)).toEqual({ shared: [OTHERS] });
  const free = JSON.stringify({ metadata: { finalizers: null } });
  await controlPlane.kubectl('patch', 'queue', 'shared', '--namespace', crm, '--type=merge', '--patch', free);
  await controlPlane.kubectl('delete', 'namespace', crm, '--timeout=60s');
  const kinds = 'serviceaccounts,jobs,pods,roles,rolebindings,clusterroles,clusterrolebindings,crds';
  const policies = 'validatingadmissionpolicies,validatingadmissionpolicybindings';
  const left = () =>
    controlPlane.kubectl(
      'get',
      `${kinds},${policies}`,
      '--all-namespaces',
      '--selector=app.kubernetes.io/part-of=redis-queue',
      '--output=name',
    );
  await eventually(async () => (await left()) === '', { ...PATIENCE, description: 'everything to be gone' });
}, 240_000);
