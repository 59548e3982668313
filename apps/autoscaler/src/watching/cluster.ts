import { isDeepStrictEqual } from 'node:util';
import { type Queue, QUEUES, WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { SECRETS, type Manager, type ObjectCache, type Resource } from '@redis-queue/controller';
import { parseFence } from '@redis-queue/scaling-bus';
import type { Bell } from '../triggers.ts';
import { keptOfPool, keptOfQueue } from './cached-objects.ts';
import type { PoolPods } from '../sampling/queue-knowledge.ts';
import { buildTopology, poolKey, type Topology } from './topology.ts';

type SecretObject = Resource & { data?: Record<string, string> };

/** What the API server tells of pools, queues and their Secrets, as the autoscaler needs it. Reads only. */
export interface Cluster {
  topology(): Topology;
  pods(key: string): PoolPods | undefined;
  latestEpoch(): number;
  whenSynced(signal: AbortSignal): Promise<void>;
}

/**
 * Watches pools, queues and, by name, the Secrets that may be read: RBAC's resourceNames allow a watch for one name, not a list.
 * Rings `bell` when the topology, a pool's size or what blocks its pods changed; other changes of a status say nothing to it.
 */
export function watchCluster(manager: Manager, secretNames: readonly string[], bell: Bell): Cluster {
  const pools = manager.cache<WorkerPool>(WORKER_POOLS, { transform: keptOfPool });
  const queues = manager.cache<Queue>(QUEUES, { transform: keptOfQueue });
  const secrets = new Map(
    secretNames.map((name) => [name, manager.cache<SecretObject>(SECRETS, { fieldSelector: `metadata.name=${name}` })]),
  );
  pools.onChange((_event, pool, previous) => {
    if (changesSpec(pool, previous)) bell.topologyChanged();
    if (!isDeepStrictEqual(podsOf(pool), podsOf(previous))) bell.podsChanged(poolKey(pool));
  });
  queues.onChange((_event, queue, previous) => {
    if (changesSpec(queue, previous)) bell.topologyChanged();
  });
  for (const cache of secrets.values()) cache.onChange(() => bell.topologyChanged());
  const caches: ObjectCache<Resource>[] = [pools, queues, ...secrets.values()];
  return {
    topology: () =>
      buildTopology({
        pools: pools.list(),
        queue: (namespace, name) => queues.get({ namespace, name }),
        secret: (namespace, name) => secrets.get(name)?.get({ namespace, name }),
        permittedSecrets: new Set(secretNames),
      }),
    pods: (key) => {
      const [namespace = '', name = ''] = key.split('/');
      return podsOf(pools.get({ namespace, name }));
    },
    latestEpoch: () => Math.max(0, ...pools.list().map(epochOf)),
    whenSynced: async (signal) => void (await Promise.all(caches.map((cache) => cache.whenSynced(signal)))),
  };
}

/** What the pool's status says of its pods; undefined while it has no Deployment. */
export function podsOf(pool: WorkerPool | undefined): PoolPods | undefined {
  const { desiredReplicas: replicas, blockedReplicas: blocked } = pool?.status ?? {};
  return replicas === undefined ? undefined : { replicas, ...(blocked && { blocked }) };
}

/** The epoch of the newest decision that the pool's status tells of; 0 before the first. */
export function epochOf({ status }: WorkerPool): number {
  return parseFence(status?.autoscaling?.decision)?.epoch ?? 0;
}

/** Everything but a change of the status alone. */
function changesSpec(object: WorkerPool | Queue, previous: WorkerPool | Queue | undefined): boolean {
  return (
    previous === undefined ||
    previous.metadata.uid !== object.metadata.uid ||
    previous.metadata.generation !== object.metadata.generation ||
    previous.metadata.deletionTimestamp !== object.metadata.deletionTimestamp
  );
}
