import {
  API_VERSION,
  type Condition,
  QUEUES,
  type QueueSpec,
  WORKER_POOLS,
  type WorkerPoolSpecInput,
} from '@redis-queue/api';
import {
  createLog,
  createManager,
  DEPLOYMENTS,
  EVENTS,
  findCondition,
  keyOf,
  loadKubeClient,
  SECRETS,
  type KubeClient,
  type Manager,
  type Resource,
} from '@redis-queue/controller';
import type { PoolObject, QueueObject, SecretObject } from '@redis-queue/redis-access';
import { createPublisher, SCHEMA_VERSION, type Publisher, type ScalingDecision } from '@redis-queue/scaling-bus';
import { eventually, startControlPlane, startRedis, type ControlPlane, type RedisServer } from '@redis-queue/rig';
import { POD_DISRUPTION_BUDGETS, type Deployment, type PodDisruptionBudget } from '../kubernetes/objects.ts';
import { wireWorkerPoolController } from '../wire.ts';

export interface PoolEvent {
  type: string;
  reason: string;
  message: string;
  count: number;
}

/**
 * A real API server with its controllers, and a real Redis as the bus. No kubelet: pods get ready when a test says so.
 */
export interface TestCluster extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly server: RedisServer;
  readonly client: KubeClient;
  readonly publisher: Publisher;
  /** A namespace with the Queue `emails` and the Secret `redis-credentials`. */
  namespace(): Promise<string>;
  queue(namespace: string, name: string, spec?: QueueSpec): Promise<QueueObject>;
  secret(namespace: string, texts: Record<string, string>, name?: string): Promise<SecretObject>;
  pool(namespace: string, name: string, spec?: Partial<WorkerPoolSpecInput>): Promise<PoolObject>;
  change(pool: PoolObject, spec: object): Promise<PoolObject>;
  read(pool: PoolObject): Promise<PoolObject>;
  deployment(pool: PoolObject): Promise<Deployment | undefined>;
  budget(pool: PoolObject): Promise<PodDisruptionBudget | undefined>;
  /** Waits until the Deployment has that size. */
  sized(pool: PoolObject, replicas: number): Promise<Deployment>;
  /** Waits until the condition has that reason for the newest generation, and returns the pool. */
  settled(pool: PoolObject, reason: string, type?: string): Promise<PoolObject>;
  /** Plays kubelet: all pods of the namespace run and are ready. */
  podsReady(namespace: string): Promise<void>;
  publish(pool: PoolObject, change: Partial<ScalingDecision>): Promise<void>;
  eventsOf(pool: PoolObject): Promise<PoolEvent[]>;
}

export async function testCluster(): Promise<TestCluster> {
  const [controlPlane, server] = await Promise.all([startControlPlane({ crds: true }), startRedis()]);
  const client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  const publisher = createPublisher({ redis: { host: server.host, port: server.port } });
  const t: TestCluster = {
    controlPlane,
    server,
    client,
    publisher,
    async namespace() {
      const namespace = await controlPlane.createNamespace('pools');
      await t.secret(namespace, { 'redis-host': 'redis', 'redis-password': 'hunter2' });
      await t.queue(namespace, 'emails');
      return namespace;
    },
    queue: (namespace, name, spec = {}) =>
      client.create<QueueObject>(QUEUES, {
        apiVersion: API_VERSION,
        kind: 'Queue',
        metadata: { namespace, name },
        spec,
      }),
    secret: (namespace, texts, name = 'redis-credentials') => {
      const encoded = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      const secret = { metadata: { namespace, name }, data: Object.fromEntries(encoded) as Record<string, string> };
      return client.apply<SecretObject>(SECRETS, secret, { fieldManager: 'test', force: true });
    },
    pool: (namespace, name, spec = {}) =>
      client.create(WORKER_POOLS, {
        apiVersion: API_VERSION,
        kind: 'WorkerPool',
        metadata: { namespace, name },
        spec: { image: 'registry.example/worker', version: '1.0.0', queues: ['emails'], ...spec },
      } as PoolObject),
    change: (pool, spec) => client.mergePatch<PoolObject>(WORKER_POOLS, keyOf(pool), { spec }),
    read: async (pool) => (await client.get<PoolObject>(WORKER_POOLS, keyOf(pool)))!,
    deployment: (pool) => client.get<Deployment>(DEPLOYMENTS, keyOf(pool)),
    budget: (pool) => client.get<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS, keyOf(pool)),
    sized: (pool, replicas) =>
      eventually(
        async () => {
          const deployment = await t.deployment(pool);
          if (deployment?.spec.replicas === replicas) return deployment;
          throw new Error(`it has ${deployment?.spec.replicas}`);
        },
        { timeoutMs: 40_000, description: `${pool.metadata.name} to have ${replicas} replicas` },
      ),
    settled: (pool, reason, type = 'Ready') =>
      eventually(
        async () => {
          const now = await t.read(pool);
          const found: Condition | undefined = findCondition(now.status?.conditions, type);
          if (found?.reason === reason && found.observedGeneration === now.metadata.generation) return now;
          throw new Error(`${type} is ${JSON.stringify(found)}`);
        },
        { timeoutMs: 40_000, description: `${pool.metadata.name} to be ${reason}` },
      ),
    podsReady: async (namespace) => {
      const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
      const { items } = await client.list(PODS, { namespace });
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      await Promise.all(items.map((pod) => client.mergePatch(PODS, keyOf(pod), { status }, { subresource: 'status' })));
    },
    publish: async (pool, change) => {
      const { namespace = '', name, uid = '', generation = 0 } = pool.metadata;
      const nowMs = await publisher.timeMs();
      await publisher.publish({
        schemaVersion: SCHEMA_VERSION,
        pool: { namespace, name, uid, generation },
        epoch: 1,
        sequence: 1,
        sampledAt: nowMs,
        expiresAt: nowMs + 15_000,
        currentReplicas: 0,
        desiredReplicas: 1,
        reason: 'because the test says so',
        signals: [{ queue: 'emails', depth: 12, arrivalRate: 1.23456, wants: 1 }],
        confidence: 1,
        ...change,
      });
    },
    eventsOf: async ({ metadata }) => {
      type Event = Resource & PoolEvent & { involvedObject: { uid: string } };
      const { items } = await client.list<Event>(EVENTS, { namespace: metadata.namespace! });
      return items
        .filter((event) => event.involvedObject.uid === metadata.uid)
        .map(({ type, reason, message, count }) => ({ type, reason, message, count }));
    },
    async [Symbol.asyncDispose]() {
      await publisher.close();
      await client.close();
      await Promise.all([controlPlane.stop(), server.stop()]);
    },
  };
  return t;
}

/** The controller, in this process, until it is stopped. */
export interface RunningController {
  readonly manager: Manager;
  readonly lines: readonly string[];
  /** Requests so far that changed something, or tried to. */
  writes(): Promise<number>;
  /** Requests so far that the API server found fault with. */
  refused(): Promise<number>;
  /** Writes of Deployments but for their size, since they were created. */
  appliedTemplates(): Promise<number>;
  /** Pools reconciled so far with success. */
  reconciles(): Promise<number>;
  /** Whether no pool is being reconciled or waits for it. */
  idle(): Promise<boolean>;
  stop(): Promise<void>;
}

export function runController(t: TestCluster, { bus = true }: { bus?: boolean } = {}): RunningController {
  const lines: string[] = [];
  const log = createLog({ name: 'workerpool-controller', level: 'debug', write: (line) => void lines.push(line) });
  const client = loadKubeClient({ kubeconfigPath: t.controlPlane.kubeconfigPath });
  const manager = createManager({
    name: 'workerpool-controller',
    client,
    log,
    leaderElection: false,
    httpHost: '127.0.0.1',
  });
  wireWorkerPoolController(manager, {
    secretNames: ['redis-credentials', 'second'],
    workerSecretNames: ['mail-api'],
    bus: bus ? { host: t.server.host, port: t.server.port } : undefined,
  });
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  const sum = async (metric: RegExp): Promise<number> => {
    const text = await manager.registry.metrics();
    const found = text.split('\n').filter((line) => metric.test(line));
    return found.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  };
  return {
    manager,
    lines,
    writes: () => sum(/^rest_client_requests_total\{.*method="(POST|PUT|PATCH|DELETE)"/),
    refused: () => sum(/^rest_client_requests_total\{.*code="(400|422)"/),
    appliedTemplates: () => sum(/^redis_queue_deployment_writes_total\{.*step="applyTemplate"/),
    reconciles: () => sum(/^controller_runtime_reconcile_total\{.*result="(success|requeue_after)"/),
    idle: async () => (await sum(/^(controller_runtime_active_workers|workqueue_depth)\{/)) === 0,
    stop: async () => {
      stopping.abort();
      await running;
      await client.close();
    },
  };
}
