import { type Queue, QUEUES } from '@redis-queue/api';
import { connectionKey, queueId, RedisConnections, type QueueRef, type RedisTarget } from '@redis-queue/bullmq';
import {
  isNotFound,
  keyOf,
  keyToString,
  manageKind,
  NAMESPACES,
  StatusWriter,
  type Manager,
  type ObjectCache,
  type ObjectKey,
} from '@redis-queue/controller';
import { queueRef, resolveRedis, watchSecrets, type QueueObject } from '@redis-queue/redis-access';
import { queueKind } from './kind.ts';
import { QueueMetrics } from './metrics.ts';
import { ServerInfoCache, type Sources } from './observe.ts';
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

/** How often an unchanged queue is compared with Redis, to repair what others changed there. */
const DRIFT_CHECK_MS = 60_000;
/** The field manager of what the sampler writes into status. */
const SAMPLER_MANAGER = 'redis-queue-sampler';

const BY_REDIS_QUEUE = 'redis-queue';

/** Connects caches, the reconciler and the sampler with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { client } = manager;
  const queues = manager.cache<QueueObject>(QUEUES);
  queues.addIndex(BY_REDIS_QUEUE, (queue) => [queueId(queueRef(queue))]);
  const secrets = watchSecrets(manager, settings.secretNames);
  const connections = new RedisConnections({
    clientName: 'redis-queue-controller',
    onChange: (target) => enqueueUsersOf(target),
  });
  const sources: Sources = {
    clusterId: await readClusterId(manager),
    connections,
    secrets,
    queuesOf: (ref: QueueRef) => queues.byIndex(BY_REDIS_QUEUE, queueId(ref)),
    readQueue: (key) => readQueue(manager, key),
    servers: new ServerInfoCache(),
  };
  const metrics = new QueueMetrics(manager.registry);
  const kind = queueKind({ sources, metrics, driftCheckMs: settings.driftCheckMs ?? DRIFT_CHECK_MS });
  const controller = manageKind(manager, kind, {
    concurrency: settings.concurrency ?? 8,
    watches: [
      ...secrets.watches(queues, ['controller', 'sampler'], (queue) => [keyOf(queue)]),
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
      const connection = resolveRedis(queue, 'controller', secrets);
      if (connection.ok && connection.targetKey === key) controller.enqueue(keyOf(queue));
    }
  }
  const sampledStatus = new StatusWriter<QueueObject>({ client, type: QUEUES, fieldManager: SAMPLER_MANAGER });
  const sampler = new QueueSampler({
    sources,
    metrics,
    writeStatus: (queue, status) => sampledStatus.write(queue, status),
    listQueues: () => queues.list(),
    onError: (queue, error) =>
      manager.log.warn({ queue: keyToString(keyOf(queue)), err: error }, 'the sampled status could not be written'),
    now: () => new Date(),
  });
  manager.runnable({
    name: 'queue-sampler',
    run: async (signal) => {
      await queues.whenSynced(signal);
      await secrets.whenSynced(signal);
      await sampler.run(signal, settings.sampleIntervalMs);
    },
  });
  manager.runnable({
    name: 'redis-connections',
    leaderOnly: false,
    run: (signal) => closeWhenDone(signal, connections),
  });
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
      'the uid of namespace kube-system, which names the cluster in owner marks, cannot be read; allow get on it',
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
