import { QUEUES, type QueueSpec, WORKER_POOLS, type WorkerPoolSpecInput } from '@redis-queue/api';
import { DEPLOYMENTS, keyOf, type KubeClient, type Manager, type Resource } from '@redis-queue/controller';
import type { PoolObject, QueueObject } from '@redis-queue/redis-access';
import {
  createPublisher,
  SCHEMA_VERSION,
  type BusSetting,
  type Publisher,
  type ScalingDecision,
} from '@redis-queue/scaling-bus';
import { eventually, type ControlPlane, type RedisServer } from '@redis-queue/rig';
import { startRig, type Rig, type RunningController as Running, type StoredEvent } from '@redis-queue/rig/controllers';
import { POD_DISRUPTION_BUDGETS, type Deployment, type PodDisruptionBudget } from '../kubernetes/objects.ts';
import { wireWorkerPoolController } from '../wire.ts';

/** A real API server with its controllers, and a real Redis as the bus. No kubelet: pods get ready when a test says so. */
export interface TestCluster extends AsyncDisposable {
  readonly rig: Rig;
  readonly controlPlane: ControlPlane;
  readonly server: RedisServer;
  readonly client: KubeClient;
  readonly publisher: Publisher;
  /** A namespace with the Queue `emails` and the Secret `redis-credentials`. */
  namespace(): Promise<string>;
  queue(namespace: string, name: string, spec?: QueueSpec): Promise<QueueObject>;
  secret(namespace: string, texts: Record<string, string>, name?: string): Promise<Resource>;
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
  eventsOf(pool: PoolObject): Promise<StoredEvent[]>;
}

export async function testCluster(): Promise<TestCluster> {
  const rig = await startRig();
  const { controlPlane, redis: server, client, objects } = rig;
  const publisher = createPublisher({ redis: { host: server.host, port: server.port } });
  const t: TestCluster = {
    rig,
    controlPlane,
    server,
    client,
    publisher,
    async namespace() {
      const namespace = await rig.namespace('pools', { 'redis-host': 'redis', 'redis-password': 'hunter2' });
      await t.queue(namespace, 'emails');
      return namespace;
    },
    queue: (namespace, name, spec) => objects.create(QUEUES, { namespace, name }, spec),
    secret: (namespace, texts, name) => objects.secret(namespace, texts, name),
    pool: (namespace, name, spec = {}) => {
      const defaults = { image: 'registry.example/worker', version: '1.0.0', queues: ['emails'] };
      return objects.create(WORKER_POOLS, { namespace, name }, { ...defaults, ...spec });
    },
    change: (pool, spec) => client.mergePatch<PoolObject>(WORKER_POOLS, keyOf(pool), { spec }),
    read: (pool) => objects.read(WORKER_POOLS, pool),
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
    settled: (pool, reason, condition = 'Ready') =>
      objects.settled(WORKER_POOLS, pool, reason, { condition, timeoutMs: 40_000 }),
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
    eventsOf: (pool) => objects.eventsOf(pool),
    async [Symbol.asyncDispose]() {
      await publisher.close();
      await rig[Symbol.asyncDispose]();
    },
  };
  return t;
}

/** The controller, in this process, until it is stopped. */
export interface RunningController extends Running {
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
}

export async function runController(
  { rig, server }: TestCluster,
  { bus = true, namespaces }: { bus?: boolean | BusSetting; namespaces?: readonly string[] } = {},
): Promise<RunningController> {
  const settings = {
    secretNames: ['redis-credentials', 'second'],
    workerSecretNames: ['mail-api'],
    bus: bus ? (typeof bus === 'object' ? bus : { redis: { host: server.host, port: server.port } }) : undefined,
  };
  const wire = (manager: Manager): void => wireWorkerPoolController(manager, settings);
  const running = await rig.controller(wire, { name: 'workerpool-controller', namespaces });
  const sumOf = (samples: RegExp): Promise<number> => running.sumOf(samples);
  return {
    ...running,
    writes: () => sumOf(/^rest_client_requests_total\{.*method="(POST|PUT|PATCH|DELETE)"/),
    refused: () => sumOf(/^rest_client_requests_total\{.*code="(400|422)"/),
    appliedTemplates: () => sumOf(/^redis_queue_deployment_writes_total\{.*step="applyTemplate"/),
    reconciles: () => sumOf(/^controller_runtime_reconcile_total\{.*result="(success|requeue_after)"/),
    idle: async () => (await sumOf(/^(controller_runtime_active_workers|workqueue_depth)\{/)) === 0,
  };
}
