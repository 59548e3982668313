import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { workspaceRoot } from '../programs/binaries.ts';
import type { Cluster } from './cluster.ts';
import { run } from './command.ts';
import { deployRedis } from './redis.ts';

/** The namespace with Redis, its Secrets and the objects of a team; the controllers live there too. */
export interface Site {
  namespace: string;
  password: string;
}

/** A namespace with Redis in it, and the Secrets of the queues and of the bus: one user for all. */
export async function createSite(
  cluster: Cluster,
  namespace: string,
  labels: Record<string, string> = {},
): Promise<Site> {
  const password = randomBytes(16).toString('hex');
  const secret = (name: string): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData: { 'redis-host': `redis.${namespace}.svc`, 'redis-port': '6379', 'redis-password': password },
  });
  await createNamespace(cluster, namespace, labels);
  await apply(cluster, [secret('redis-credentials'), secret('redis-queue-bus')]);
  await deployRedis(cluster, namespace, 'redis-credentials');
  return { namespace, password };
}

/** A namespace under the restricted Pod Security standard. */
export async function createNamespace(
  cluster: Pick<Cluster, 'kubectl'>,
  namespace: string,
  labels: Record<string, string> = {},
): Promise<void> {
  const metadata = { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', ...labels } };
  await apply(cluster, [{ apiVersion: 'v1', kind: 'Namespace', metadata }]);
}

/**
 * Installs a chart of this repository as a release of the same name and waits until its pods are ready.
 *
 * @param valuesFile of the workspace; `values` come before it.
 */
export async function installChart(
  cluster: Cluster,
  namespace: string,
  chart: string,
  values: Record<string, string> = {},
  valuesFile?: string,
): Promise<void> {
  const all = { ...imageValues(chart, cluster.images), ...workerValues(chart), ...values };
  const install = [
    'upgrade',
    '--install',
    chart,
    join(workspaceRoot, 'charts', chart),
    `--namespace=${namespace}`,
    ...(valuesFile === undefined ? [] : [`--values=${join(workspaceRoot, valuesFile)}`]),
    ...Object.entries(all).map(([name, value]) => `--set=${name}=${value}`),
    '--wait',
    '--timeout=60s',
  ];
  try {
    await run(cluster.helm, install);
  } catch (error) {
    throw new Error(`chart ${chart}: ${(error as Error).message}\n${await state(cluster, namespace)}`, {
      cause: error,
    });
  }
}

/** What a person would check first when pods do not become ready. */
async function state({ kubectl }: Cluster, namespace: string): Promise<string> {
  const commands = [
    ['get', 'pods', '-o', 'wide'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
    ['logs', '--tail=5', '--prefix', '-l', 'app.kubernetes.io/part-of=redis-queue'],
  ];
  const outputs = commands.map((command) =>
    run(kubectl, [...command, '-n', namespace]).catch((error: Error) => error.message),
  );
  return (await Promise.all(outputs)).join('\n');
}

/** A site has controllers and workers in one namespace, which charts do not allow unless they are told. */
function workerValues(chart: string): Record<string, string> {
  const elsewhere = { 'admission.excludedNamespaces': '{kube-system}' };
  if (chart === 'workerpool-controller') return elsewhere;
  if (chart !== 'redis-queue') return {};
  return Object.fromEntries(Object.entries(elsewhere).map(([name, value]) => [`workerpool-controller.${name}`, value]));
}

function imageValues(chart: string, { registry, tag }: Cluster['images']): Record<string, string> {
  if (chart === 'redis-queue-crds') return {};
  return chart === 'redis-queue'
    ? { 'global.image.registry': registry, 'global.image.tag': tag }
    : { 'image.registry': registry, 'image.tag': tag };
}

/** Uninstalls a release, if it is there. */
export async function removeChart({ helm }: Cluster, namespace: string, chart: string): Promise<void> {
  await run(helm, ['uninstall', chart, `--namespace=${namespace}`, '--ignore-not-found', '--wait', '--timeout=120s']);
}

/** Applies objects, server-side as GitOps tools do. */
export async function apply({ kubectl }: Pick<Cluster, 'kubectl'>, objects: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await run(kubectl, ['apply', '--server-side', '--field-manager=e2e', '-f', '-'], JSON.stringify(list));
}
