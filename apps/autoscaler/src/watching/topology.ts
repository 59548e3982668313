import type { Queue, WorkerPool } from '@redis-queue/api';
import { queueId, type QueueRef, type RedisTarget } from '@redis-queue/bullmq';
import { queueRef, resolveRedis, type SecretSources } from '@redis-queue/redis-access';
import {
  advisedSpec,
  DEFAULT_WAIT_TARGET_MS,
  mostSlots,
  poolSpecView,
  shareOfQueue,
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

/** One of a pool's queues: where to find it and which part of it is this pool's, or why it cannot be sampled. */
export type PoolQueue = { readonly queue: string; readonly id: string; readonly share: number } | UnseenQueue;

export interface ScaledPool {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly view: PoolSpecView;
  /** The part of the spec that advice is about. */
  readonly advised: AdvisedSpec;
  readonly queues: readonly PoolQueue[];
}

/** Which pools are scaled, by which queues, and in which Redis these are. Derived from the cluster alone. */
export interface Topology {
  readonly pools: ReadonlyMap<string, ScaledPool>;
  readonly queues: ReadonlyMap<string, WatchedQueue>;
  readonly targets: ReadonlyMap<string, WatchedTarget>;
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
  const slots = new Map<string, number>();
  for (const { pool, queues } of located) {
    for (const { at } of queues) if (at.ok) slots.set(at.id, (slots.get(at.id) ?? 0) + mostSlots(capacityOf(pool)));
  }
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
      advised: advisedSpec(pool.spec),
      queues: poolQueues.map(({ name, at }): PoolQueue =>
        at.ok ? { queue: name, id: at.id, share: shareOfQueue(capacityOf(pool), slots.get(at.id) ?? 0) } : at.unseen,
      ),
    });
    for (const { at } of poolQueues) {
      if (!at.ok) continue;
      const gathered = targets.get(at.targetKey) ?? { target: at.target, namespaces: new Set() };
      targets.set(at.targetKey, gathered);
      gathered.namespaces.add(pool.metadata.namespace ?? 'default');
      gather(queues, at, key, view);
    }
  }
  return { pools, queues, targets: chargeTargets(targets) };
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

/** The most slots that the pool may have; one that is not autoscaled stays at spec.replicas. */
function capacityOf({ spec }: WorkerPool): { maxReplicas: number; concurrency: number } {
  return { maxReplicas: poolSpecView(spec)?.maxReplicas ?? spec.replicas, concurrency: spec.concurrency };
}

export function poolKey(pool: { metadata: { namespace?: string; name: string } }): string {
  return `${pool.metadata.namespace ?? 'default'}/${pool.metadata.name}`;
}
