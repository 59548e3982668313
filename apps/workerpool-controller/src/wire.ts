import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { keyOf, keyToString, DEPLOYMENTS, SECRETS, type Manager, type ObjectKey } from '@redis-queue/controller';
import { createConsumer, type BusRedisOptions } from '@redis-queue/scaling-bus';
import { consumeDecision, type ConsumeDeps } from './consume.ts';
import { DecisionLedger } from './ledger.ts';
import { PoolMetrics } from './metrics.ts';
import {
  POOLS_BY_QUEUE,
  QUEUES_BY_SECRET,
  queueKeysOf,
  secretKeysOf,
  type QueueObject,
  type Sources,
} from './observe.ts';
import { reconcilePool, type ReconcileDeps } from './reconcile.ts';
import { POOL_LABEL, STATUS_MANAGER, type Deployment, type PoolObject, type Secret } from './resources.ts';

export interface Settings {
  /** Names of Secrets that RBAC lets the controller read. */
  readonly secretNames: readonly string[];
  /** Absent: no decisions arrive, and pools with autoscaling keep their size. */
  readonly bus: BusRedisOptions | undefined;
  /** Pools reconciled, and decisions handled, at once. */
  readonly concurrency?: number;
}

/** Connects caches, the reconciler and the bus with the manager. */
export function wireWorkerPoolController(manager: Manager, settings: Settings): void {
  const { client } = manager;
  const { secretNames, bus, concurrency = 8 } = settings;
  const sources: Sources = {
    client,
    pools: manager.cache<PoolObject>(WORKER_POOLS),
    queues: manager.cache<QueueObject>(QUEUES),
    deployments: manager.cache<Deployment>(DEPLOYMENTS, { labelSelector: POOL_LABEL }),
    secrets: new Map(
      secretNames.map((name) => [name, manager.cache<Secret>(SECRETS, { fieldSelector: `metadata.name=${name}` })]),
    ),
  };
  const { pools, queues, deployments, secrets } = sources;
  pools.addIndex(POOLS_BY_QUEUE, queueKeysOf);
  queues.addIndex(QUEUES_BY_SECRET, secretKeysOf);
  const poolsOf = (queue: QueueObject): ObjectKey[] =>
    pools.byIndex(POOLS_BY_QUEUE, keyToString(keyOf(queue))).map(keyOf);

  const shared = {
    sources,
    ledger: new DecisionLedger(),
    events: manager.events,
    metrics: new PoolMetrics(manager.registry),
    now: () => new Date(),
  };
  const reconcile: ReconcileDeps = {
    ...shared,
    busConfigured: bus !== undefined,
    statusWrites: new Map(),
    writeStatus: async (pool, status) => {
      const { name, namespace, uid } = pool.metadata;
      await client.apply(
        WORKER_POOLS,
        { metadata: { name, ...(namespace !== undefined && { namespace }), ...(uid && { uid }) }, status },
        { fieldManager: STATUS_MANAGER, subresource: 'status', force: true },
      );
    },
  };
  const controller = manager.controller<PoolObject>({
    name: 'workerpool',
    type: WORKER_POOLS,
    concurrency,
    reconcile: (context) => reconcilePool(context, reconcile),
    watches: [
      // By name, not by owner: a Deployment in the way is news for the pool whose name it has.
      { cache: deployments, map: (deployment: Deployment) => [keyOf(deployment)] },
      {
        cache: queues,
        map: poolsOf,
        predicate: ({ event, object, previous }) =>
          event !== 'update' || object.metadata.generation !== previous?.metadata.generation,
      },
      ...[...secrets.values()].map((cache) => ({
        cache,
        map: (secret: Secret) => queues.byIndex(QUEUES_BY_SECRET, keyToString(keyOf(secret))).flatMap(poolsOf),
      })),
    ],
  });
  pools.onChange((event, { metadata: { uid = '' } }) => {
    if (event !== 'delete') return;
    shared.ledger.forget(uid);
    reconcile.statusWrites.delete(uid);
  });
  if (!bus) return;
  const consume: ConsumeDeps = {
    ...shared,
    log: manager.log,
    reconcileSoon: (key) => controller.enqueue(key),
  };
  manager.runnable({ name: 'scaling-bus', run: (signal) => runConsumer(bus, concurrency, consume, signal) });
}

/** Consumes decisions until `signal` aborts; handles the ones in hand to the end. */
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
      dropped: (reason, message) => {
        metrics.dropped(reason);
        log.debug({ reason }, `decision dropped: ${message}`);
      },
      failed: (error) => {
        metrics.failed();
        log.warn({ err: error }, 'a decision could not be applied; it comes again');
      },
      connectionError: (error) => log.warn({ error: error.message }, 'the bus cannot be reached'),
    },
  });
  await stopped;
  await consumer.close();
}
