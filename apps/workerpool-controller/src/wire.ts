import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import {
  changesMoreThanStatus,
  CONFIG_MAPS,
  DEPLOYMENTS,
  keyOf,
  keyToString,
  manageKind,
  PODS,
  type Manager,
  type ObjectKey,
  type Resource,
} from '@redis-queue/controller';
import { secretCache, watchSecrets, type PoolObject, type QueueObject } from '@redis-queue/redis-access';
import { createConsumer, type BusRedisOptions, type NamedPool } from '@redis-queue/scaling-bus';
import { configKey, configKeysOf, ConfigMapDigests, WATCHED_CONFIG_MAPS } from './deployment/config.ts';
import { Refusals } from './deployment/refusals.ts';
import { POOL_LABEL } from './kubernetes/names.ts';
import { poolKind } from './kind.ts';
import { POD_DISRUPTION_BUDGETS, type Deployment, type PodDisruptionBudget } from './kubernetes/objects.ts';
import { PoolMetrics } from './metrics.ts';
import { PODS_BY_POOL, POOLS_BY_CONFIG, poolKeyOf, POOLS_BY_QUEUE, queueKeysOf, type Sources } from './observe.ts';
import { changesBlockage, trimPod, type Pod } from './pods/pods.ts';
import { consumeDecision, type ConsumeDeps } from './size/consume.ts';
import { DecisionLedger } from './size/ledger.ts';
import { LastingStates } from './status/lasting.ts';
import { StatusPace } from './status/pace.ts';

export interface Settings {
  /** Names of Secrets that RBAC lets the controller read. */
  readonly secretNames: readonly string[];
  /** Names of further Secrets that may be read, to notice when one that a template names has changed. */
  readonly workerSecretNames?: readonly string[];
  /** Absent: no decisions arrive, and pools with autoscaling keep their size. */
  readonly bus: BusRedisOptions | undefined;
  /** Pools reconciled, and decisions handled, at once. */
  readonly concurrency?: number;
}

/** Connects caches, the reconciler and the bus with the manager. */
export function wireWorkerPoolController(manager: Manager, settings: Settings): void {
  const { client } = manager;
  const { secretNames, workerSecretNames = [], bus, concurrency = 8 } = settings;
  const secrets = watchSecrets(manager, secretNames);
  const digests = new ConfigMapDigests();
  const sources: Sources = {
    client,
    busConfigured: bus !== undefined,
    pools: manager.cache<PoolObject>(WORKER_POOLS),
    queues: manager.cache<QueueObject>(QUEUES),
    deployments: manager.cache<Deployment>(DEPLOYMENTS, { labelSelector: POOL_LABEL }),
    budgets: manager.cache<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS, { labelSelector: POOL_LABEL }),
    pods: manager.cache<Pod>(PODS, { labelSelector: POOL_LABEL, transform: trimPod }),
    secrets,
    templateSecrets: new Map([...secretNames, ...workerSecretNames].map((name) => [name, secretCache(manager, name)])),
    configMaps: manager.cache(CONFIG_MAPS, { fieldSelector: WATCHED_CONFIG_MAPS, metadataOnly: true }),
    digests,
  };
  const { pools, queues, deployments, budgets, pods, templateSecrets, configMaps } = sources;
  pools.addIndex(POOLS_BY_QUEUE, queueKeysOf);
  pools.addIndex(POOLS_BY_CONFIG, configKeysOf);
  pods.addIndex(PODS_BY_POOL, (pod) => poolKeyOf(pod).map(keyToString));
  const poolsOf = (queue: QueueObject): ObjectKey[] =>
    pools.byIndex(POOLS_BY_QUEUE, keyToString(keyOf(queue))).map(keyOf);
  const poolsConfiguredBy =
    (kind: 'ConfigMap' | 'Secret') =>
    (object: Resource): ObjectKey[] =>
      pools.byIndex(POOLS_BY_CONFIG, configKey(kind, keyOf(object))).map(keyOf);

  const shared = {
    sources,
    ledger: new DecisionLedger(),
    events: manager.events,
    metrics: new PoolMetrics(manager.registry),
    now: () => new Date(),
  };
  const kind = poolKind({
    ...shared,
    pace: new StatusPace(),
    lasting: new LastingStates(),
    refusals: new Refusals(),
  });
  const controller = manageKind(manager, kind, {
    concurrency,
    watches: [
      // By name, not by owner: a Deployment in the way concerns the pool whose name it has.
      { cache: deployments, map: (deployment: Deployment) => [keyOf(deployment)] },
      {
        cache: budgets,
        map: (budget: PodDisruptionBudget) => [keyOf(budget)],
        // Its status moves with every pod.
        predicate: changesMoreThanStatus,
      },
      { cache: configMaps, map: poolsConfiguredBy('ConfigMap') },
      ...[...templateSecrets.values()].map((cache) => ({ cache, map: poolsConfiguredBy('Secret') })),
      { cache: pods, map: poolKeyOf, predicate: changesBlockage },
      {
        cache: queues,
        map: poolsOf,
        predicate: ({ event, object, previous }) =>
          event !== 'update' || object.metadata.generation !== previous?.metadata.generation,
      },
      ...secrets.watches(queues, ['worker'], poolsOf),
    ],
  });
  configMaps.onChange((event, { metadata: { uid = '' } }) => {
    if (event === 'delete') digests.forget(uid);
  });
  if (!bus) return;
  const consume: ConsumeDeps = {
    ...shared,
    log: manager.log,
    reconcileSoon: (key) => controller.enqueue(key),
  };
  manager.runnable({ name: 'scaling-bus', run: (signal) => runConsumer(bus, concurrency, consume, signal) });
}

/** Consumes decisions until `signal` aborts; handles those in progress to the end. */
async function runConsumer(
  redis: BusRedisOptions,
  concurrency: number,
  deps: ConsumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { metrics, log, sources } = deps;
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([stopped, sources.pools.whenSynced(signal)]);
  if (signal.aborted) return;
  const consumer = createConsumer({
    redis,
    concurrency,
    handler: async (decision, context) => {
      await consumeDecision(decision, context, deps);
    },
    observer: {
      handled: (_, lagMs) => metrics.lag(lagMs),
      dropped: (reason, message, pool) => {
        metrics.dropped(reason);
        if (reason === 'unknown-version' && pool) reportNotUnderstood(pool, message, deps);
        log.debug({ reason }, `decision dropped: ${message}`);
      },
      failed: (error) => {
        metrics.failed();
        log.warn({ err: error }, 'a decision could not be applied; it is delivered again');
      },
      connectionError: (error) => log.warn({ error: error.message }, 'the bus cannot be reached'),
    },
  });
  await stopped;
  await consumer.close();
}

/** Has the pool's status say that its decisions are of a version that is not understood. */
function reportNotUnderstood({ uid, namespace, name }: NamedPool, message: string, deps: ConsumeDeps): void {
  const key = { namespace, name };
  if (deps.sources.pools.get(key)?.metadata.uid !== uid) return;
  if (deps.ledger.notUnderstood(uid, message)) deps.reconcileSoon(key);
}
