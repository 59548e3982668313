import { QUEUES, type QueueSpec } from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import { keyOf, type KubeClient, type Resource } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { eventually, type ControlPlane, type RedisServer } from '@redis-queue/rig';
import { startRig, type Rig, type RunningController } from '@redis-queue/rig/controllers';
import { DeletionTimes } from '../deletion/deletion-times.ts';
import { INHERITANCE_MS } from '../deletion/waits.ts';
import { EmptyTimes } from '../retire/empty-times.ts';
import { CONCURRENCY, wireQueueController } from '../wire.ts';

export type StoredQueue = QueueObject;

/** A real Redis and a real API server. */
export interface TestCluster extends AsyncDisposable {
  readonly rig: Rig;
  readonly cluster: ControlPlane;
  readonly server: RedisServer;
  readonly redis: ReturnType<RedisConnections['get']>;
  readonly client: KubeClient;
  /** A namespace with a Secret `redis-credentials` that reaches the Redis. */
  namespace(): Promise<string>;
  secret(namespace: string, texts: Record<string, string>, name?: string): Promise<Resource>;
  queue(namespace: string, name: string, spec?: QueueSpec, annotations?: Record<string, string>): Promise<StoredQueue>;
  read(queue: StoredQueue): Promise<StoredQueue>;
  /** Waits until the condition has that reason for the newest generation, and returns the object. */
  settled(queue: StoredQueue, reason: string, type?: string): Promise<StoredQueue>;
  eventsOf(queue: StoredQueue): Promise<{ type: string; reason: string; message: string }[]>;
  patch(queue: StoredQueue, change: object): Promise<unknown>;
  /** @returns whether it was there. */
  remove(queue: StoredQueue): Promise<boolean>;
  /** Waits until the object is gone. */
  gone(queue: StoredQueue): Promise<true>;
  /** What is set for the queue of this name in Redis. */
  meta(name: string): Promise<Record<string, string>>;
}

export async function testCluster(redisOptions: { password?: string } = {}): Promise<TestCluster> {
  const rig = await startRig({ redis: redisOptions });
  const { controlPlane: cluster, redis: server, client, objects } = rig;
  const connections = new RedisConnections();
  const redis = connections.get({ host: server.host, port: server.port, ...redisOptions });
  return {
    rig,
    cluster,
    server,
    client,
    redis,
    namespace: () => rig.namespace('queues', { 'redis-host': server.host, 'redis-port': String(server.port) }),
    secret: (namespace, texts, name) => objects.secret(namespace, texts, name),
    queue: (namespace, name, spec, annotations = {}) => objects.create(QUEUES, { namespace, name, annotations }, spec),
    read: (queue) => objects.read(QUEUES, queue),
    settled: (queue, reason, condition = 'Ready') => objects.settled(QUEUES, queue, reason, { condition }),
    eventsOf: async (queue) =>
      (await objects.eventsOf(queue)).map(({ type, reason, message }) => ({ type, reason, message })),
    patch: (queue, change) => client.mergePatch(QUEUES, keyOf(queue), change),
    remove: (queue) => client.delete(QUEUES, keyOf(queue)),
    gone: (queue) =>
      eventually(async () => (await client.get(QUEUES, keyOf(queue))) === undefined, {
        description: `${queue.metadata.name} to be gone`,
      }),
    meta: (name) => redis.hgetall(`bull:${name}:meta`),
    async [Symbol.asyncDispose]() {
      connections.close();
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** A minute after every deletion: nobody is waited for to inherit the data. */
export const LATER_MS = INHERITANCE_MS;

/** Deletions that look as if they had been known for so much longer. */
class EarlierDeletions extends DeletionTimes {
  readonly #byMs: () => number;

  constructor(byMs: () => number) {
    super();
    this.#byMs = byMs;
  }

  override knownForMs(queue: StoredQueue): number | undefined {
    const knownMs = super.knownForMs(queue);
    return knownMs === undefined ? undefined : knownMs + this.#byMs();
  }
}

/**
 * The controller, in this process, until it is stopped.
 *
 * @param aheadMs by how much longer ago deletions seem to it, by either clock.
 * @param namespaces which it looks at; absent: all.
 * @param fullCheckMs how often it reconciles what has not changed.
 */
export async function runController(
  { rig }: TestCluster,
  aheadMs: () => number = () => LATER_MS,
  namespaces?: readonly string[],
  fullCheckMs?: number,
): Promise<RunningController> {
  const settings = {
    secretNames: ['redis-credentials', 'second'],
    concurrency: CONCURRENCY,
    sampleIntervalMs: 500,
    driftCheckMs: 300,
    ...(fullCheckMs !== undefined && { fullCheckMs }),
    upkeep: {
      deadLetters: { everyMs: 100, idleMs: 100, restMs: 0 },
      retention: { everyMs: 100, doneMs: 200 },
      priorities: { everyMs: 100, doneMs: 200 },
    },
    now: () => new Date(Date.now() + aheadMs()),
    deletions: new EarlierDeletions(aheadMs),
    // A minute of an empty queue passes in 60 ms.
    emptyTimes: new EmptyTimes(() => 1_000 * performance.now()),
  };
  return await rig.controller((manager) => wireQueueController(manager, settings), {
    name: 'queue-controller',
    namespaces,
  });
}
