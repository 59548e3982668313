import { setTimeout as delay } from 'node:timers/promises';
import { API_VERSION, type Condition, QUEUES, type QueueSpec } from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import {
  createLog,
  createManager,
  EVENTS,
  findCondition,
  keyOf,
  loadKubeClient,
  SECRETS,
  type KubeClient,
  type Log,
  type Manager,
  type Resource,
} from '@redis-queue/controller';
import type { QueueObject, SecretObject } from '@redis-queue/redis-access';
import { eventually, startControlPlane, startRedis, type ControlPlane, type RedisServer } from '@redis-queue/rig';
import { wireQueueController } from '../wire.ts';

export type StoredQueue = QueueObject;

/** A real Redis and a real API server. */
export interface TestCluster extends AsyncDisposable {
  readonly cluster: ControlPlane;
  readonly server: RedisServer;
  readonly redis: ReturnType<RedisConnections['get']>;
  readonly client: KubeClient;
  /** A namespace with a Secret `redis-credentials` that reaches the Redis. */
  namespace(): Promise<string>;
  secret(namespace: string, texts: Record<string, string>, name?: string): Promise<SecretObject>;
  queue(namespace: string, name: string, spec?: QueueSpec, annotations?: Record<string, string>): Promise<StoredQueue>;
  read(queue: StoredQueue): Promise<StoredQueue>;
  /** Waits until the condition has that reason for the newest generation, and returns the object. */
  settled(queue: StoredQueue, reason: string, type?: string): Promise<StoredQueue>;
  eventsOf(queue: StoredQueue): Promise<{ type: string; reason: string; message: string }[]>;
}

export async function testCluster(redisOptions: { password?: string } = {}): Promise<TestCluster> {
  const [cluster, server] = await Promise.all([startControlPlane({ crds: true }), startRedis(redisOptions)]);
  const client = loadKubeClient({ kubeconfigPath: cluster.kubeconfigPath });
  const connections = new RedisConnections();
  const t: TestCluster = {
    cluster,
    server,
    client,
    redis: connections.get({ host: server.host, port: server.port, ...redisOptions }),
    async namespace() {
      const namespace = await cluster.createNamespace('queues');
      await t.secret(namespace, { 'redis-host': server.host, 'redis-port': String(server.port) });
      return namespace;
    },
    secret: (namespace, texts, name = 'redis-credentials') => {
      const data = Object.fromEntries(
        Object.entries(texts).map(([field, text]) => [field, Buffer.from(text).toString('base64')]),
      );
      return client.apply<SecretObject>(
        SECRETS,
        { metadata: { namespace, name }, data },
        { fieldManager: 'test', force: true },
      );
    },
    queue: (namespace, name, spec = {}, annotations = {}) =>
      client.create<StoredQueue>(QUEUES, {
        apiVersion: API_VERSION,
        kind: 'Queue',
        metadata: { namespace, name, annotations },
        spec,
      }),
    read: async (queue) => (await client.get<StoredQueue>(QUEUES, keyOf(queue)))!,
    settled: (queue, reason, type = 'Ready') =>
      eventually(
        async () => {
          const now = await t.read(queue);
          const found: Condition | undefined = findCondition(now.status?.conditions, type);
          const current = found?.observedGeneration === now.metadata.generation;
          if (current && found?.reason === reason) return now;
          throw new Error(`${type} is ${JSON.stringify(found)}`);
        },
        { description: `${queue.metadata.name} to be ${reason}` },
      ),
    eventsOf: async ({ metadata }) => {
      const { items } = await client.list<
        Resource & { involvedObject: { uid: string }; type: string; reason: string; message: string }
      >(EVENTS, {
        namespace: metadata.namespace!,
      });
      return items
        .filter((event) => event.involvedObject.uid === metadata.uid)
        .map(({ type, reason, message }) => ({ type, reason, message }));
    },
    async [Symbol.asyncDispose]() {
      connections.close();
      await client.close();
      await Promise.all([cluster.stop(), server.stop()]);
    },
  };
  return t;
}

/** The controller, in this process, until it is stopped. */
export interface RunningController {
  readonly manager: Manager;
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export async function runController(t: TestCluster): Promise<RunningController> {
  const lines: string[] = [];
  const log: Log = createLog({ name: 'queue-controller', level: 'debug', write: (line) => lines.push(line) });
  const client = loadKubeClient({ kubeconfigPath: t.cluster.kubeconfigPath });
  const manager = createManager({ name: 'queue-controller', client, log, leaderElection: false });
  await wireQueueController(manager, {
    secretNames: ['redis-credentials', 'second'],
    sampleIntervalMs: 500,
    driftCheckMs: 300,
  });
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  return {
    manager,
    lines,
    stop: async () => {
      stopping.abort();
      await Promise.race([running, delay(20_000)]);
      await client.close();
    },
  };
}
