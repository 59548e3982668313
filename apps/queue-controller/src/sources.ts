import { randomUUID } from 'node:crypto';
import { QUEUES, type Queue } from '@redis-queue/api';
import {
  connectionKey,
  deadLetterQueue,
  describeTarget,
  letterSourceOf,
  queueId,
  RedisConnections,
  type ConnectionLimits,
} from '@redis-queue/bullmq';
import {
  isForbidden,
  keyOf,
  NAMESPACES,
  systemClock,
  type Change,
  type ControllerOptions,
  type KubeClient,
  type Manager,
  type ObjectCache,
  type ObjectKey,
} from '@redis-queue/controller';
import {
  CircuitBreakers,
  Coalescer,
  queueRef,
  resolveRedis,
  watchSecrets,
  type QueueObject,
  type SecretObject,
} from '@redis-queue/redis-access';
import type { QueueMetrics } from './metrics.ts';
import { byAge, mayClaim } from './ownership/claimants.ts';
import { resolveConnection } from './access/connection.ts';
import { ServerInfoCache } from './access/server-info.ts';
import type { Sources, WatchedSources } from './access/sources.ts';

export interface SourceSettings {
  /** Names of Secrets that RBAC lets the controller read. */
  readonly secretNames: readonly string[];
  /** Names the cluster in owner marks; absent: the uid of kube-system, which is read then. */
  readonly clusterId?: string | undefined;
}

/**
 * A connection costs 16 kB, about 100 kB with TLS, and 1 ms to open. The shares of reconciles and samples leave a
 * namespace with some 55 calls under way and a server with some 35, so that only who tries the credentials of others may
 * be refused.
 */
export const CONNECTION_LIMITS: ConnectionLimits = { total: 512, perServer: 128, perNamespace: 64 };
const CLAIMANTS = 'claimants';
const LEAVING = 'leaving';
/** By namespace: those that have left a Redis which is not released yet. */
const MOVED = 'moved';
/**
 * Of the claimants of a queue, the oldest and as many that are being deleted are reconciled when one comes or goes. The
 * others see it with their next comparison: what is created 1,500 times under one name must not be reconciled 1,500 times
 * each.
 */
const MAX_NOTIFIED = 8;
/** An outage, and its end, is in the conditions within 10 s however often a Redis drops its connections. */
const REDIS_CHANGES = { everyMs: 1_000, everyMsPerKey: 5_000 };

/**
 * Starts what the controller observes by: caches of queues and Secrets, and connections to Redis, which are closed when
 * the manager ends.
 *
 * @param onRedisChange called for each queue whose Redis stopped or began to answer: an outage shows, and ends, in the
 * conditions at once and not with the next comparison.
 * @throws when the cluster has no identity to be read.
 */
export async function watchSources(
  manager: Manager,
  { secretNames, clusterId, metrics }: SourceSettings & { readonly metrics: QueueMetrics },
  onRedisChange: (queue: ObjectKey) => void,
): Promise<WatchedSources> {
  const { client } = manager;
  const queues = manager.cache<QueueObject>(QUEUES);
  queues.addIndex(CLAIMANTS, (queue) => (mayClaim(queue) ? [queueId(queueRef(queue))] : []), byAge);
  queues.addIndex(LEAVING, (queue) => (queue.metadata.deletionTimestamp ? [queueId(queueRef(queue))] : []), byAge);
  queues.addIndex(MOVED, ({ metadata, status }) => (status?.formerRedis ? [metadata.namespace ?? ''] : []));
  const secrets = watchSecrets(manager, secretNames);
  const changes = new Coalescer(systemClock, REDIS_CHANGES, (targetKeys) => {
    for (const queue of queues.list()) {
      const connection = resolveRedis(queue, 'controller', secrets);
      if (connection.ok && targetKeys.has(connection.targetKey)) onRedisChange(keyOf(queue));
    }
  });
  const breakers = new CircuitBreakers({
    now: () => performance.now(),
    observer: metrics.circuits('reconcile', () => breakers.openTargets().length),
    onRecovered: (targetKey) => changes.add(targetKey),
  });
  const connections: RedisConnections = new RedisConnections({
    clientName: 'redis-queue-controller',
    limits: CONNECTION_LIMITS,
    now: () => performance.now(),
    onShareUsedUp: metrics.connections(() => connections.size),
    onChange: (target, up) => {
      const targetKey = connectionKey(target);
      if (up) breakers.retry(targetKey);
      changes.add(targetKey);
    },
  });
  manager.runnable({
    name: 'redis-connections',
    leaderOnly: false,
    run: (signal) => closeWhenDone(signal, connections),
  });
  return {
    clusterId: clusterId ?? (await readClusterId(client)),
    fence: randomUUID(),
    connections,
    queues,
    secrets,
    claimantsOf: (ref) => queues.eachByIndex(CLAIMANTS, queueId(ref)),
    readQueue: (key, signal) => readQueue(client, key, signal),
    servers: new ServerInfoCache(),
    breakers,
    assertLeading: () => manager.assertLeading(),
  };
}

/** Whose answers a queue's reconcile waits for. */
export function serverOfQueue(queue: QueueObject, sources: Pick<Sources, 'secrets'>): string | undefined {
  const connection = resolveConnection(queue, sources);
  return connection.ok ? `Redis ${describeTarget(connection.target)}` : undefined;
}

/** Changes of other objects after which a queue is reconciled. */
export function watchesOf(sources: WatchedSources): NonNullable<ControllerOptions<QueueObject>['watches']> {
  const { queues, secrets } = sources;
  return [
    ...secrets.watches(queues, ['controller', 'sampler'], (queue) => [keyOf(queue)]),
    // Any Secret may have the credentials of a Redis that a queue has left.
    ...secrets.caches.map((cache) => ({
      cache,
      map: ({ metadata }: SecretObject) => queues.byIndex(MOVED, metadata.namespace ?? '').map(keyOf),
    })),
    // Another claimant that comes or goes may change whose queue it is.
    { cache: queues, map: (queue) => rivalsOf(queue, queues), predicate: changesClaim },
  ];
}

/**
 * Whose queue it may be after a claimant has come or gone: those who are next in line, and those who wait for an heir; who
 * names its dead-letter queue, and whose dead-letter queue it is.
 */
export function rivalsOf(queue: QueueObject, queues: Pick<ObjectCache<QueueObject>, 'eachByIndex'>): ObjectKey[] {
  const ref = queueRef(queue);
  const source = letterSourceOf(ref);
  const beside = [deadLetterQueue(ref), ...(source ? [source] : [])].map((each) => [CLAIMANTS, queueId(each)] as const);
  const ofQueue = [CLAIMANTS, LEAVING].map((index) => [index, queueId(ref)] as const);
  return [...ofQueue, ...beside].flatMap(([index, id]) => {
    const keys: ObjectKey[] = [];
    for (const rival of queues.eachByIndex(index, id)) {
      if (keys.length === MAX_NOTIFIED) break;
      if (rival.metadata.uid !== queue.metadata.uid) keys.push(keyOf(rival));
    }
    return keys;
  });
}

/** Whether a Queue comes, goes, begins to go, or begins or ceases to claim its queue or its dead-letter queue. */
function changesClaim({ event, object, previous }: Change<QueueObject>): boolean {
  return (
    event !== 'update' ||
    object.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp ||
    object.spec.adoptionPolicy !== previous?.spec.adoptionPolicy ||
    object.spec.dlqPolicy?.enabled !== previous?.spec.dlqPolicy?.enabled
  );
}

/** The uid of kube-system names the cluster: it is never re-created. @throws when it cannot be read */
async function readClusterId(client: KubeClient): Promise<string> {
  const namespace = await client.get(NAMESPACES, { name: 'kube-system' });
  const uid = namespace?.metadata.uid;
  if (!uid)
    throw new Error(
      'namespace kube-system has no uid to be read, which names the cluster in owner marks; allow get on it, or set --cluster-id',
    );
  return uid;
}

/**
 * @returns the Queue as the API server has it now; undefined when RBAC does not permit to read it.
 * @throws what else the API server throws.
 */
export async function readQueue(
  client: Pick<KubeClient, 'get'>,
  key: ObjectKey,
  signal?: AbortSignal,
): Promise<Queue | 'gone' | undefined> {
  try {
    return (await client.get<QueueObject>(QUEUES, key, { ...(signal && { signal }) })) ?? 'gone';
  } catch (error) {
    // Only what we may not read stays unknown; anything else passes, and must not look as if somebody held the queue.
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

async function closeWhenDone(signal: AbortSignal, connections: RedisConnections): Promise<void> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  connections.close();
}
