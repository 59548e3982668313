import { isDeepStrictEqual } from 'node:util';
import { type Queue, QUEUES, WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import type { Manager } from '@redis-queue/controller';
import { watchSecrets } from '@redis-queue/redis-access';
import { cachedPool, cachedQueue } from './cached-objects.ts';
import { decidesBy, epochOf, podsOf, type PoolPods } from './pool-status.ts';
import { buildTopology, poolKey, type Topology } from './topology.ts';

/** What the API server says of pools, queues and their Secrets, as the autoscaler needs it. Read only. */
export interface Cluster {
  topology(): Topology;
  /** What the pool's status says of its pods; undefined while it has no Deployment. */
  pods(poolKey: string): PoolPods | undefined;
  /** The latest epoch that any pool's status names; 0 when none does. */
  latestEpoch(): number;
  whenSynced(signal: AbortSignal): Promise<void>;
}

/** Who is notified of changes in the cluster. */
export interface ClusterListener {
  topologyChanged(): void;
  /** The pool's observed size changed, or what keeps its pods from working. */
  podsChanged(poolKey: string): void;
}

/**
 * Watches pools, queues and the Secrets that may be read. Notifies `listener` when the topology, a pool's size or what
 * blocks its pods changed; other changes of a status are ignored.
 */
export function watchCluster(manager: Manager, secretNames: readonly string[], listener: ClusterListener): Cluster {
  const pools = manager.cache<WorkerPool>(WORKER_POOLS, { transform: cachedPool });
  const queues = manager.cache<Queue>(QUEUES, { transform: cachedQueue });
  const secrets = watchSecrets(manager, secretNames);
  // No decision is published for pools that may not be read any more: they keep their size.
  for (const cache of [pools, queues]) cache.dropWhenRevoked();
  pools.onChange((_event, pool, previous) => {
    if (changesSpec(pool, previous)) listener.topologyChanged();
    if (!isDeepStrictEqual(decidesBy(pool), decidesBy(previous))) listener.podsChanged(poolKey(pool));
  });
  queues.onChange((_event, queue, previous) => {
    if (changesPlace(queue, previous)) listener.topologyChanged();
  });
  for (const cache of secrets.caches) cache.onChange(() => listener.topologyChanged());
  return {
    topology: () =>
      buildTopology({
        pools: pools.list(),
        queue: (namespace, name) => queues.get({ namespace, name }),
        secrets,
      }),
    pods: (key) => {
      const [namespace = '', name = ''] = key.split('/');
      return podsOf(pools.get({ namespace, name }));
    },
    latestEpoch: () => Math.max(0, ...pools.list().map(epochOf)),
    whenSynced: async (signal) =>
      void (await Promise.all([pools, queues, secrets].map((each) => each.whenSynced(signal)))),
  };
}

/** Everything but a change of the status alone. */
function changesSpec(pool: WorkerPool, previous: WorkerPool | undefined): boolean {
  return (
    previous === undefined ||
    previous.metadata.uid !== pool.metadata.uid ||
    previous.metadata.generation !== pool.metadata.generation ||
    previous.metadata.deletionTimestamp !== pool.metadata.deletionTimestamp
  );
}

/**
 * Whether a cached queue came, went, or is somewhere else in Redis. Its limits and its pause are read from Redis: a queue
 * that changes these every second would have the topology of all tenants derived again.
 */
export function changesPlace(queue: Queue, previous: Queue | undefined): boolean {
  return previous === undefined || !isDeepStrictEqual(queue.spec, previous.spec);
}
