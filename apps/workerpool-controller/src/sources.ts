import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import {
  changesMoreThanStatus,
  CONFIG_MAPS,
  DEPLOYMENTS,
  keyOf,
  keyToString,
  PODS,
  type ControllerOptions,
  type Manager,
  type ObjectCache,
  type ObjectKey,
  type Resource,
} from '@redis-queue/controller';
import {
  secretCache,
  watchSecrets,
  type PoolObject,
  type QueueObject,
  type WatchedSecrets,
} from '@redis-queue/redis-access';
import type { BusSource } from '@redis-queue/scaling-bus';
import { configKey, configKeysOf, ConfigMapDigests, WATCHED_CONFIG_MAPS } from './deployment/config.ts';
import { boundedPool } from './deployment/template/bounds.ts';
import type { PodUser } from './deployment/template/pod-template.ts';
import { cachedBudget, cachedQueue, packedDeployment } from './kubernetes/cached-objects.ts';
import { POOL_LABEL } from './kubernetes/names.ts';
import { POD_DISRUPTION_BUDGETS, type PackedDeployment, type PodDisruptionBudget } from './kubernetes/objects.ts';
import { PODS_BY_POOL, poolKeyOf, POOLS_BY_CONFIG, POOLS_BY_QUEUE, queueKeysOf, type Sources } from './observe.ts';
import { changesReport, trimPod, type Pod } from './pods/pods.ts';
import { changesPods } from './queues/resolve.ts';

/** The sources, with what changes of Secrets are noticed by. */
export interface WatchedSources extends Sources {
  readonly secrets: WatchedSecrets;
  readonly bus: BusSource | undefined;
}

export interface SourceSettings {
  /** Names of Secrets with credentials of Redis that RBAC lets the controller read. */
  readonly secretNames: readonly string[];
  /** Names of further Secrets that may be read, to notice when one that a template names has changed. */
  readonly workerSecretNames?: readonly string[];
  /** Whom worker pods run as; absent: `DEFAULT_POD_USER`. */
  readonly podUser?: PodUser | undefined;
}

/** Starts what the controller observes by: caches and their indexes. */
export function watchSources(
  manager: Manager,
  { secretNames, workerSecretNames = [], podUser }: SourceSettings,
  bus: BusSource | undefined,
): WatchedSources {
  const names = [...secretNames, ...workerSecretNames];
  const sources: WatchedSources = {
    client: manager.client,
    bus,
    get busConfigured() {
      return bus?.redis() !== undefined;
    },
    podUser,
    pools: manager.cache<PoolObject>(WORKER_POOLS, { transform: boundedPool }),
    queues: manager.cache<QueueObject>(QUEUES, { transform: cachedQueue }),
    deployments: manager.cache<PackedDeployment>(DEPLOYMENTS, {
      labelSelector: POOL_LABEL,
      transform: packedDeployment,
    }),
    budgets: manager.cache<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS, {
      labelSelector: POOL_LABEL,
      transform: cachedBudget,
    }),
    pods: manager.cache<Pod>(PODS, { labelSelector: POOL_LABEL, transform: trimPod }),
    secrets: watchSecrets(manager, secretNames),
    templateSecrets: new Map(names.map((name) => [name, secretCache(manager, name)])),
    configMaps: manager.cache(CONFIG_MAPS, { fieldSelector: WATCHED_CONFIG_MAPS, metadataOnly: true }),
    digests: new ConfigMapDigests(),
  };
  const { pools, pods, configMaps, digests } = sources;
  pools.addIndex(POOLS_BY_QUEUE, queueKeysOf);
  pools.addIndex(POOLS_BY_CONFIG, configKeysOf);
  pods.addIndex(PODS_BY_POOL, (pod) => poolKeyOf(pod).map(keyToString));
  configMaps.onChange((event, { metadata: { uid = '' } }) => {
    if (event === 'delete') digests.forget(uid);
  });
  return sources;
}

/** Changes of other objects after which a pool is reconciled. */
export function watchesOf(sources: WatchedSources): NonNullable<ControllerOptions<PoolObject>['watches']> {
  const { pools, queues, deployments, budgets, pods, secrets, templateSecrets, configMaps, bus } = sources;
  const poolsOf = (queue: QueueObject): ObjectKey[] =>
    pools.byIndex(POOLS_BY_QUEUE, keyToString(keyOf(queue))).map(keyOf);
  return [
    // By name, not by owner: a Deployment in the way is news for the pool whose name it has.
    { cache: deployments, map: (deployment: PackedDeployment) => [keyOf(deployment)] },
    {
      cache: budgets,
      map: (budget: PodDisruptionBudget) => [keyOf(budget)],
      // Its status moves with every pod.
      predicate: changesMoreThanStatus,
    },
    { cache: configMaps, map: poolsConfiguredBy('ConfigMap', pools) },
    ...[...templateSecrets.values()].map((cache) => ({ cache, map: poolsConfiguredBy('Secret', pools) })),
    { cache: pods, map: poolKeyOf, predicate: changesReport },
    {
      cache: queues,
      map: poolsOf,
      predicate: changesPods,
    },
    ...secrets.watches(queues, ['worker'], poolsOf),
    ...(bus?.caches ?? []).map((cache) => ({ cache, map: () => autoscaledPools(pools) })),
  ];
}

/** Those whose size and conditions depend on whether there is a bus. */
export function autoscaledPools(pools: ObjectCache<PoolObject>): ObjectKey[] {
  return pools
    .list()
    .filter(({ spec }) => spec.autoscaling?.enabled === true)
    .map(keyOf);
}

function poolsConfiguredBy(
  kind: 'ConfigMap' | 'Secret',
  pools: ObjectCache<PoolObject>,
): (object: Resource) => ObjectKey[] {
  return (object) => pools.byIndex(POOLS_BY_CONFIG, configKey(kind, keyOf(object))).map(keyOf);
}
