import { keyOf, keyToString, type KubeClient, type ObjectCache, type ObjectKey } from '@redis-queue/controller';
import type { PoolObject, QueueObject, SecretSources } from '@redis-queue/redis-access';
import { readConfig, type ConfigSources } from './deployment/config.ts';
import type { PodUser } from './deployment/template/pod-template.ts';
import { readDeployment } from './deployment/write.ts';
import { POOL_LABEL } from './kubernetes/names.ts';
import { unpackedDeployment } from './kubernetes/cached-objects.ts';
import { POD_DISRUPTION_BUDGETS, type PackedDeployment, type PodDisruptionBudget } from './kubernetes/objects.ts';
import { blockedPods } from './pods/blocked.ts';
import type { Pod } from './pods/pods.ts';
import { resolveQueues } from './queues/resolve.ts';
import type { ObservedPool } from './steps.ts';

/** What the controller reads from: caches, and the API server itself before it writes. */
export interface Sources extends ConfigSources {
  /** False: no decisions can arrive. */
  readonly busConfigured: boolean;
  /** Whom worker pods run as; absent: `DEFAULT_POD_USER`. */
  readonly podUser?: PodUser | undefined;
  readonly pools: ObjectCache<PoolObject>;
  readonly queues: ObjectCache<QueueObject>;
  readonly deployments: ObjectCache<PackedDeployment>;
  readonly budgets: ObjectCache<PodDisruptionBudget>;
  /** By pool; only what `trimPod` leaves of them. */
  readonly pods: ObjectCache<Pod>;
  readonly secrets: SecretSources;
}

export const POOLS_BY_QUEUE = 'queue';
export const POOLS_BY_CONFIG = 'config';
export const PODS_BY_POOL = 'pool';

/** The index values of a pool: its queues' keys. */
export function queueKeysOf(pool: PoolObject): string[] {
  const { namespace } = pool.metadata;
  return pool.spec.queues.map((name) => keyToString(namespace === undefined ? { name } : { namespace, name }));
}

/** The key of the pool that a pod belongs to. */
export function poolKeyOf({ metadata: { namespace, labels } }: Pod): ObjectKey[] {
  const name = labels?.[POOL_LABEL];
  return name === undefined ? [] : [namespace === undefined ? { name } : { namespace, name }];
}

/** The pool's pods as the cache shows them. */
export function podsOf(pool: PoolObject, { pods }: Pick<Sources, 'pods'>): Pod[] {
  return pods.byIndex(PODS_BY_POOL, keyToString(keyOf(pool)));
}

/**
 * The pool as caches show it: enough to see that nothing has to be done. Without managed fields, so not enough to
 * write.
 */
export async function observeCached(
  pool: PoolObject,
  sources: Sources,
  nowMs: number,
  signal?: AbortSignal,
): Promise<ObservedPool> {
  const config = await readConfig(pool, sources, signal ? { signal } : {});
  const key = keyOf(pool);
  const { namespace } = pool.metadata;
  const within = (name: string) => (namespace === undefined ? { name } : { namespace, name });
  const cached = sources.deployments.get(key);
  const deployment = cached && unpackedDeployment(cached);
  return {
    deployment,
    budget: sources.budgets.get(key),
    config,
    queues: resolveQueues(pool, {
      queue: (name) => sources.queues.get(within(name)),
      secrets: sources.secrets,
    }),
    busConfigured: sources.busConfigured,
    podUser: sources.podUser,
    inTheWay: () => blockedPods(podsOf(pool, sources), deployment).problem?.message ?? '',
    nowMs,
  };
}

/**
 * The same with Deployment and PodDisruptionBudget as they are now, managed fields included; the caches hold only those
 * with our label.
 */
export async function observeLive(
  pool: PoolObject,
  cached: ObservedPool,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<ObservedPool> {
  const [deployment, budget] = await Promise.all([
    readDeployment(pool, client, signal),
    client.get<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS, keyOf(pool), signal ? { signal } : {}),
  ]);
  return { ...cached, deployment, budget };
}
