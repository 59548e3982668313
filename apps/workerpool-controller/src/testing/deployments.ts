import { CONFIG_MAPS, findCondition } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { CONFIG_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { TestCluster } from './cluster.ts';

// What tests of a pool's Deployment use.

interface Container {
  name: string;
  env?: { name: string; value?: string }[];
  [field: string]: unknown;
}

interface PodTemplate {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: { containers: Container[]; [field: string]: unknown };
}

/** Many clusters may share the machine. */
export const PATIENCE = { timeoutMs: 40_000 };

export function templateOf(deployment: Deployment | undefined): PodTemplate {
  return deployment?.spec['template'] as PodTemplate;
}

export function workerOf(deployment: Deployment | undefined): Container {
  return templateOf(deployment).spec.containers[0]!;
}

/** The hash of the configuration that the pods run with. */
export function configHashOf(deployment: Deployment | undefined): string | undefined {
  return templateOf(deployment).metadata.annotations[CONFIG_ANNOTATION];
}

/** A template that changes the worker's container. */
export function ofWorker(container: object): Record<string, unknown> {
  return { spec: { containers: [{ name: 'worker', ...container }] } };
}

export function readyMessage(pool: PoolObject): string | undefined {
  return findCondition(pool.status?.conditions, 'Ready')?.message;
}

/** Waits until the pool's Deployment is as `accept` wants it, and returns it. */
export function deploymentThat(
  t: TestCluster,
  pool: PoolObject,
  accept: (deployment: Deployment) => boolean,
): Promise<Deployment> {
  return eventually(async () => {
    const deployment = await t.deployment(pool);
    return deployment && accept(deployment) && deployment;
  }, PATIENCE);
}

export async function applyConfigMap(
  t: TestCluster,
  namespace: string,
  name: string,
  data: Record<string, string>,
): Promise<void> {
  const options = { fieldManager: 'test', force: true };
  await t.client.apply(CONFIG_MAPS, { metadata: { namespace, name }, data }, options);
}
