import { redisSecretName, type Queue } from '@redis-queue/api';
import {
  DEPLOYMENTS,
  keyOf,
  keyToString,
  type KubeClient,
  type ObjectCache,
  type Resource,
} from '@redis-queue/controller';
import type { ObservedPool } from './plan.ts';
import { resolveQueues } from './queues.ts';
import type { Deployment, PoolObject, Secret } from './resources.ts';

export type QueueObject = Queue & Resource;

/** Where the controller looks: caches, and the API server itself before it writes. */
export interface Sources {
  readonly client: KubeClient;
  readonly pools: ObjectCache<PoolObject>;
  readonly queues: ObjectCache<QueueObject>;
  readonly deployments: ObjectCache<Deployment>;
  /** By the Secret's name; RBAC permits no other. */
  readonly secrets: ReadonlyMap<string, ObjectCache<Secret>>;
}

export const POOLS_BY_QUEUE = 'queue';
export const QUEUES_BY_SECRET = 'secret';

/** The index values of a pool: its queues' keys. */
export function queueKeysOf(pool: PoolObject): string[] {
  const { namespace } = pool.metadata;
  return pool.spec.queues.map((name) => keyToString(namespace === undefined ? { name } : { namespace, name }));
}

/** The index value of a queue: its Secret's key. */
export function secretKeysOf(queue: QueueObject): string[] {
  const name = redisSecretName(queue);
  const { namespace } = queue.metadata;
  return [keyToString(namespace === undefined ? { name } : { namespace, name })];
}

/** The pool as caches show it: enough to tell that nothing is to be done. Without managed fields, so not enough to write. */
export function observeCached(pool: PoolObject, sources: Sources, nowMs: number): ObservedPool {
  const key = keyOf(pool);
  const { namespace } = pool.metadata;
  const within = (name: string) => (namespace === undefined ? { name } : { namespace, name });
  return {
    deployment: sources.deployments.get(key),
    queues: resolveQueues(pool, {
      queue: (name) => sources.queues.get(within(name)),
      secret: (name) => sources.secrets.get(name)?.get(within(name)),
      permittedSecrets: new Set(sources.secrets.keys()),
    }),
    nowMs,
  };
}

/** The same with the Deployment as it is now, managed fields included; the cache holds only those with our label. */
export async function observeLive(
  pool: PoolObject,
  cached: ObservedPool,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<ObservedPool> {
  return { ...cached, deployment: await readDeployment(pool, client, signal) };
}

export function readDeployment(
  pool: PoolObject,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<Deployment | undefined> {
  return client.get<Deployment>(DEPLOYMENTS, keyOf(pool), signal ? { signal } : {});
}
