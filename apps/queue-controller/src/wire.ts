import { type Queue, QUEUES, redisSecretName } from '@redis-queue/api';
import { connectionKey, queueId, RedisConnections, type QueueRef, type RedisTarget } from '@redis-queue/bullmq';
import {
  addFinalizer,
  isNotFound,
  keyOf,
  keyToString,
  NAMESPACES,
  removeFinalizer,
  SECRETS,
  type Manager,
  type ObjectCache,
  type ObjectKey,
  type Resource,
} from '@redis-queue/controller';
import { QueueMetrics } from './metrics.ts';
import { queueRef, resolveConnection, ServerInfoCache, type Sources } from './observe.ts';
import { DRIFT_CHECK_MS, reconcileQueue, type ReconcileDeps } from './reconcile.ts';
import { DATA_FINALIZER, type Secret } from './resources.ts';
import { QueueSampler } from './sampler.ts';

export interface Settings {
  /** Names of Secrets that RBAC lets the controller read. */
  readonly secretNames: readonly string[];
  /** Queues reconciled at once. */
  readonly concurrency?: number;
  readonly sampleIntervalMs?: number;
  /** How often an unchanged queue is compared with Redis. */
  readonly driftCheckMs?: number;
}

type QueueObject = Queue & Resource;

const BY_REDIS_QUEUE = 'redis-queue';
const BY_SECRET = 'secret';

/** Connects caches, the reconciler and the sampler with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { client } = manager;
  const queues = manager.cache<QueueObject>(QUEUES);
  queues.addIndex(BY_REDIS_QUEUE, (queue) => [queueId(queueRef(queue))]);
  queues.addIndex(BY_SECRET, (queue) => [keyToString(secretKey(queue))]);
  const secrets = new Map(
    settings.secretNames.map((name) => [
      name,
      manager.cache<Secret>(SECRETS, { fieldSelector: `metadata.name=${name}` }),
    ]),
  );
  const connections = new RedisConnections({
    clientName: 'redis-queue-controller',
    onChange: (target) => enqueueUsersOf(target),
  });
  const sources: Sources = {
    clusterId: await readClusterId(manager),
    connections,
    permittedSecrets: new Set(settings.secretNames),
    secret: (key) => secrets.get(key.name)?.get(key),
    queuesOf: (ref: QueueRef) => queues.byIndex(BY_REDIS_QUEUE, queueId(ref)),
    readQueue: (key) => readQueue(manager, key),
    servers: new ServerInfoCache(),
  };
  const metrics = new QueueMetrics(manager.registry);
  const patchStatus = async (queue: Queue, status: object): Promise<void> => {
    const { uid } = queue.metadata;
    await client.mergePatch(QUEUES, keyOf(queue), { metadata: { uid }, status }, { subresource: 'status' });
  };
  const deps: ReconcileDeps = {
    sources,
    metrics,
    patchStatus,
    events: manager.events,
    driftCheckMs: settings.driftCheckMs ?? DRIFT_CHECK_MS,
    setFinalizer: async (queue, present) => {
      await (present ? addFinalizer : removeFinalizer)(client, QUEUES, queue as QueueObject, DATA_FINALIZER);
    },
    now: () => new Date(),
    random: Math.random,
  };
  const controller = manager.controller<QueueObject>({
    name: 'queue',
    type: QUEUES,
    concurrency: settings.concurrency ?? 8,
    reconcile: (context) => reconcileQueue(context, deps),
    watches: [
      ...[...secrets.values()].map((cache) => ({
        cache,
        map: (secret: Secret) => queues.byIndex(BY_SECRET, keyToString(keyOf(secret))).map(keyOf),
      })),
      // Another claimant that comes or goes may change whose queue it is.
      {
        cache: queues,
        map: (queue: QueueObject) => rivals(queues, queue),
        predicate: ({ event }: { event: string }) => event !== 'update',
      },
    ],
  });
  /** An outage of Redis shows, and ends, in the conditions at once and not with the next comparison. */
  function enqueueUsersOf(target: RedisTarget): void {
    const key = connectionKey(target);
    for (const queue of queues.list()) {
      const connection = resolveConnection(queue, sources);
      if (connection.ok && connectionKey(connection.target) === key) controller.enqueue(keyOf(queue));
    }
  }
  const sampler = new QueueSampler({
    sources,
    metrics,
    patchStatus,
    listQueues: () => queues.list(),
    onError: (queue, error) =>
      manager.log.warn({ queue: keyToString(keyOf(queue)), err: error }, 'the sampled status could not be written'),
    now: () => new Date(),
  });
  manager.runnable({
    name: 'queue-sampler',
    run: async (signal) => {
      await queues.whenSynced(signal);
      await Promise.all([...secrets.values()].map((cache) => cache.whenSynced(signal)));
      await sampler.run(signal, settings.sampleIntervalMs);
    },
  });
  manager.runnable({
    name: 'redis-connections',
    leaderOnly: false,
    run: (signal) => closeWhenDone(signal, connections),
  });
}

function secretKey(queue: Queue): ObjectKey {
  return { namespace: queue.metadata.namespace, name: redisSecretName(queue) };
}

function rivals(queues: ObjectCache<QueueObject>, queue: QueueObject): ObjectKey[] {
  const others = queues.byIndex(BY_REDIS_QUEUE, queueId(queueRef(queue)));
  return others.filter(({ metadata }) => metadata.uid !== queue.metadata.uid).map(keyOf);
}

/** The uid of kube-system names the cluster: it is never re-created. */
async function readClusterId({ client }: Manager): Promise<string> {
  const namespace = await client.get(NAMESPACES, { name: 'kube-system' });
  const uid = namespace?.metadata.uid;
  if (!uid)
    throw new Error(
      'namespace kube-system has no uid to be read, which names the cluster in owner marks; allow get on it',
    );
  return uid;
}

async function readQueue({ client }: Manager, key: ObjectKey): Promise<Queue | 'gone' | undefined> {
  try {
    return (await client.get<QueueObject>(QUEUES, key)) ?? 'gone';
  } catch (error) {
    if (isNotFound(error)) return 'gone';
    return undefined;
  }
}

async function closeWhenDone(signal: AbortSignal, connections: RedisConnections): Promise<void> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  connections.close();
}
