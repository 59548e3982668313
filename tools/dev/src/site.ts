import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { deployRedis, run } from '@redis-queue/rig/pods';
import { workspaceRoot } from '@redis-queue/rig';
import type { Bus } from './controllers.ts';
import type { DevCluster } from './cluster.ts';

/** Of Redis, its Secrets, the example and the Leases of the controllers. */
export const NAMESPACE = 'redis-queue-dev';

/** The Service by which both pods and this machine reach Redis; one port for both, as the Secret names one. */
export const REDIS_SERVICE = 'redis-dev';
export const REDIS_PORT = 30_379;

type Kubectl = Pick<DevCluster, 'kubectl'>;

/** Applies the definitions of the kinds and waits until the API server serves them. */
export async function applyDefinitions({ kubectl }: Kubectl): Promise<void> {
  const folder = `--filename=${join(workspaceRoot, 'crds')}`;
  // A definition that an earlier session applied may be of another branch: what is in this checkout counts.
  await run(kubectl, ['apply', '--server-side', '--force-conflicts', folder]);
  await run(kubectl, ['wait', '--for=condition=Established', '--timeout=30s', folder]);
}

/** Redis in the cluster and the Secrets that point to it. Repeatable: a password that is there stays. */
export async function applySite(cluster: DevCluster): Promise<Bus> {
  const { foreign } = cluster;
  const bus = {
    host: `${REDIS_SERVICE}.${NAMESPACE}.svc`,
    port: REDIS_PORT,
    password: (await readPassword(cluster)) ?? randomBytes(16).toString('hex'),
  };
  await applyObjects(cluster, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }]);
  await applyObjects(cluster, [redisSecret(bus), redisService(!foreign)]);
  await deployRedis(cluster, NAMESPACE, 'redis-credentials');
  return bus;
}

/** The password of Redis; undefined where there is none yet. */
export async function readPassword({ kubectl }: Kubectl): Promise<string | undefined> {
  const path = '-o=jsonpath={.data.redis-password}';
  const get = ['get', 'secret', 'redis-credentials', '-n', NAMESPACE, '--ignore-not-found', path];
  return Buffer.from(await run(kubectl, get), 'base64').toString() || undefined;
}

function redisSecret({ host, port, password }: Bus): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'redis-credentials', namespace: NAMESPACE },
    stringData: { 'redis-host': host, 'redis-port': String(port), 'redis-password': password },
  };
}

function redisService(withNodePort: boolean): object {
  const port = { name: 'redis', port: REDIS_PORT, targetPort: 'redis' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: REDIS_SERVICE, namespace: NAMESPACE },
    spec: {
      selector: { 'app.kubernetes.io/name': 'redis' },
      type: withNodePort ? 'NodePort' : 'ClusterIP',
      ports: [withNodePort ? { ...port, nodePort: REDIS_PORT } : port],
    },
  };
}

async function applyObjects({ kubectl }: Kubectl, objects: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await run(kubectl, ['apply', '--server-side', '--field-manager=make-dev', '-f', '-'], JSON.stringify(list));
}
