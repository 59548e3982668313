import { hasProbes, type Queue, type WorkerPool } from '@redis-queue/api';
import { queueId, type QueueRef, type RedisTarget } from '@redis-queue/bullmq';
import { queueRef, resolveRedis, type SecretSources } from '@redis-queue/redis-access';
import {
  advisedSpec,
  DEFAULT_WAIT_TARGET_MS,
  poolSpecView,
  type AdvisedSpec,
  type PoolSpecView,
  type UnseenQueue,
} from '@redis-queue/scaling';

/** What the API server holds that scaling depends on. */
export interface ClusterView {
  readonly pools: readonly WorkerPool[];
  queue(namespace: string, name: string): Queue | undefined;
  readonly secrets: SecretSources;
}

/** A queue in a Redis: what is sampled. Several Queue objects may name the same queue. */
export interface WatchedQueue {
  /** Names the Redis and the queue in it. */
  readonly id: string;
  readonly ref: QueueRef;
  readonly targetKey: string;
  /** The pools that work on it, autoscaled ones only, by `namespace/name`. */
  readonly pools: readonly string[];
  /** The shortest wait target of these pools. */
  readonly waitTargetMs: number;
}

/** One of a pool's queues: where to find it, or why it cannot be sampled. */
export type PoolQueue = { readonly queue: string; readonly id: string } | UnseenQueue;

/** A pool that works on a queue, whether it is autoscaled or of a fixed size. */
export interface Consumer {
  /** `namespace/name`. */
  readonly key: string;
  readonly maxReplicas: number;
  readonly concurrency: number;
}

export interface ScaledPool {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly view: PoolSpecView;
  /** Whether its pods are ready no sooner than they fetch. */
  readonly hasProbes: boolean;
  /** The part of the spec that advice is about. */
  readonly advised: AdvisedSpec;
  /** Pods that do not speak to Redis are to be replaced. */
  readonly replaceStuck: boolean;
  readonly queues: readonly PoolQueue[];
}

/** Which pools are scaled, by which queues, and in which Redis these are. Derived from the cluster alone. */
export interface Topology {
  readonly pools: ReadonlyMap<string, ScaledPool>;
  readonly queues: ReadonlyMap<string, WatchedQueue>;
  readonly targets: ReadonlyMap<string, WatchedTarget>;
  /** By queue id, of those queues on which several pools work. */
  readonly consumers: ReadonlyMap<string, readonly Consumer[]>;
}

/** A Redis, and who logs in. */
export interface WatchedTarget {
  readonly target: RedisTarget;
  /** Whose share of connections it counts for: of the namespaces whose pools need it the one that needs the fewest. */
  readonly namespace: string;
}

type Located =
  | {
      readonly ok: true;
      readonly id: string;
      readonly ref: QueueRef;
      readonly targetKey: string;
      readonly target: RedisTarget;
    }
  | { readonly ok: false; readonly unseen: UnseenQueue };

/**
 * Derives the topology. Pure: the same cluster gives the same topology. Takes a few microseconds per pool and queue.
 */
export function buildTopology(cluster: ClusterView): Topology {
  const located = cluster.pools
    .filter((pool) => pool.metadata.deletionTimestamp === undefined)
    .map((pool) => ({
      pool,
      queues: pool.spec.queues.map((name) => ({ name, at: locate(cluster, pool, name) })),
    }));
  const pools = new Map<string, ScaledPool>();
  const queues = new Map<string, GatheredQueue>();
  const targets = new Map<string, GatheredTarget>();
  for (const { pool, queues: poolQueues } of located) {
    const view = poolSpecView(pool.spec);
    if (view === undefined) continue;
    const key = poolKey(pool);
    pools.set(key, {
      key,
      namespace: pool.metadata.namespace ?? 'default',
      name: pool.metadata.name,
      uid: pool.metadata.uid ?? '',
      generation: pool.metadata.generation ?? 0,
      view,
      hasProbes: hasProbes(pool),
      advised: advisedSpec(pool.spec),
      replaceStuck: pool.spec.replaceStuck === true,
      queues: poolQueues.map(({ name, at }): PoolQueue => (at.ok ? { queue: name, id: at.id } : at.unseen)),
    });
    for (const { at } of poolQueues) {
      if (!at.ok) continue;
      const gathered = targets.get(at.targetKey) ?? { target: at.target, namespaces: new Set() };
      targets.set(at.targetKey, gathered);
      gathered.namespaces.add(pool.metadata.namespace ?? 'default');
      gather(queues, at, key, view);
    }
  }
  return { pools, queues, targets: chargeTargets(targets), consumers: consumersOf(located) };
}

function consumersOf(
  located: readonly { pool: WorkerPool; queues: readonly { at: Located }[] }[],
): Topology['consumers'] {
  const first = new Map<string, WorkerPool>();
  const shared = new Map<string, Consumer[]>();
  for (const { pool, queues } of located)
    // A pool may name a queue twice, by two objects.
    for (const id of new Set(queues.flatMap(({ at }) => (at.ok ? [at.id] : [])))) {
      const known = first.get(id);
      if (!known) first.set(id, pool);
      else {
        const consumers = shared.get(id) ?? [consumerOf(known)];
        consumers.push(consumerOf(pool));
        shared.set(id, consumers);
      }
    }
  return shared;
}

/** A Redis while its pools are found. */
interface GatheredTarget {
  readonly target: RedisTarget;
  readonly namespaces: Set<string>;
}

function chargeTargets(targets: ReadonlyMap<string, GatheredTarget>): Map<string, WatchedTarget> {
  const needed = new Map<string, number>();
  for (const { namespaces } of targets.values())
    for (const namespace of namespaces) needed.set(namespace, (needed.get(namespace) ?? 0) + 1);
  const fewer = (a: string, b: string): string => ((needed.get(b) ?? 0) < (needed.get(a) ?? 0) ? b : a);
  return new Map(
    [...targets].map(([key, { target, namespaces }]) => [key, { target, namespace: [...namespaces].reduce(fewer) }]),
  );
}

/** A queue while its pools are found. */
interface GatheredQueue extends WatchedQueue {
  readonly pools: string[];
  waitTargetMs: number;
}

/** Takes down that the pool works on the queue. In constant time: thousands of pools may work on one. */
function gather(
  queues: Map<string, GatheredQueue>,
  { id, ref, targetKey }: Located & { ok: true },
  pool: string,
  { waitTargetMs = DEFAULT_WAIT_TARGET_MS }: PoolSpecView,
): void {
  const known = queues.get(id);
  if (!known) return void queues.set(id, { id, ref, targetKey, pools: [pool], waitTargetMs });
  // A pool may name a queue twice, by two objects; its queues are gathered one after the other.
  if (known.pools.at(-1) !== pool) known.pools.push(pool);
  known.waitTargetMs = Math.min(known.waitTargetMs, waitTargetMs);
}

function locate(cluster: ClusterView, pool: WorkerPool, queueObject: string): Located {
  const namespace = pool.metadata.namespace ?? 'default';
  const queue = cluster.queue(namespace, queueObject);
  if (queue === undefined)
    return unseen(queueObject, 'QueueMissing', `Queue ${queueObject} does not exist in namespace ${namespace}`);
  const access = resolveRedis(queue, 'sampler', cluster.secrets);
  if (!access.ok) return unseen(queueObject, 'SensorFailed', access.problem.message);
  const { target, targetKey } = access;
  const ref = queueRef(queue);
  return { ok: true, id: `${targetKey}/${queueId(ref)}`, ref, targetKey, target };
}

function unseen(queue: string, why: UnseenQueue['unseen'], message: string): Located {
  return { ok: false, unseen: { queue, unseen: why, message } };
}

/** A pool that is not autoscaled stays at spec.replicas. */
function consumerOf(pool: WorkerPool): Consumer {
  const { spec } = pool;
  const maxReplicas = poolSpecView(spec)?.maxReplicas ?? spec.replicas;
  return { key: poolKey(pool), maxReplicas, concurrency: spec.concurrency };
}

export function poolKey(pool: { metadata: { namespace?: string; name: string } }): string {
  return `${pool.metadata.namespace ?? 'default'}/${pool.metadata.name}`;
}
