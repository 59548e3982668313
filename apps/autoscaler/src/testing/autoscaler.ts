import { Queue, Worker, type Processor } from 'bullmq';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import type { Queue as QueueObject, WorkerPool } from '@redis-queue/api';
import { connectionKey, RedisConnections } from '@redis-queue/bullmq';
import { createConsumer, createPublisher, type ScalingDecision } from '@redis-queue/scaling-bus';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { Autoscaler, type AutoscalerOptions } from '../autoscaler.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { aQueue, aSecret, secretSources } from './objects.ts';
import { Triggers } from '../triggers.ts';
import { epochOf, podsOf } from '../watching/pool-status.ts';
import { buildTopology, poolKey } from '../watching/topology.ts';

/** Real Redis servers for queues and bus, an autoscaler on them, and objects as the API server would return them. */
export class TestAutoscaler implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly bus: RedisServer;
  readonly pools = new Map<string, WorkerPool>();
  readonly queues = new Map<string, QueueObject>();
  /** All decisions that reached the consumer, oldest first, with the time of arrival. */
  readonly decisions: (ScalingDecision & { arrivedAtMs: number })[] = [];
  readonly logLines: string[] = [];
  /** Whether decisions are followed: the observed size changes, as the workerpool controller would make it. */
  follows = true;
  /** How the autoscaler reaches the queues' Redis; by default as a user with all rights. */
  redisUrl: string;
  #registry = new Registry();
  readonly #clients: { close(): Promise<unknown> }[] = [];
  #running: { stop: () => Promise<void>; triggers: Triggers } | undefined;

  private constructor(redis: RedisServer, bus: RedisServer) {
    this.redis = redis;
    this.bus = bus;
    this.redisUrl = redis.url;
    const consumer = createConsumer({
      redis: { host: bus.host, port: bus.port },
      handler: (decision) => Promise.resolve(this.#receive(decision)),
    });
    this.#clients.push(consumer);
  }

  static async start(): Promise<TestAutoscaler> {
    const [redis, bus] = await Promise.all([startRedis(), startRedis()]);
    return new TestAutoscaler(redis, bus);
  }

  /** Adds a pool and the Queue objects that it names. */
  add(pool: WorkerPool, replicas = 0): void {
    this.pools.set(poolKey(pool), { ...pool, status: { desiredReplicas: replicas } });
    for (const name of pool.spec.queues) if (!this.queues.has(name)) this.queues.set(name, aQueue(name));
    this.#running?.triggers.topologyChanged();
  }

  /** Sets what the pool's status says of its pods. */
  setStatus(name: string, status: WorkerPool['status']): void {
    const key = `team/${name}`;
    const pool = this.pools.get(key)!;
    this.pools.set(key, { ...pool, status: { ...pool.status, ...status } });
    this.#running?.triggers.podsChanged(key);
  }

  /** Changes the Queue object's spec. */
  setQueue(name: string, spec: QueueObject['spec']): void {
    this.queues.set(name, aQueue(name, spec));
    this.#running?.triggers.topologyChanged();
  }

  removeQueueObject(name: string): void {
    this.queues.delete(name);
    this.#running?.triggers.topologyChanged();
  }

  /** Runs an autoscaler that remembers nothing, in place of the one before. */
  async run(options: Partial<Pick<AutoscalerOptions, 'advice' | 'clients' | 'now'>> = {}): Promise<void> {
    await this.#running?.stop();
    this.#registry = new Registry();
    const triggers = new Triggers();
    const connections = new RedisConnections({
      clientName: 'test',
      onChange: (target, up) => void (up && triggers.redisReconnected(connectionKey(target))),
    });
    const publisher = createPublisher({ redis: { host: this.bus.host, port: this.bus.port } });
    const abort = new AbortController();
    const log = (fields: object, message: string): void =>
      void this.logLines.push(JSON.stringify({ ...fields, message }));
    const done = new Autoscaler({
      topology: () => this.#topology(),
      pods: (key) => podsOf(this.pools.get(key)),
      latestEpoch: () => Math.max(0, ...[...this.pools.values()].map(epochOf)),
      connections,
      bus: publisher,
      triggers,
      metrics: new AutoscalerMetrics(this.#registry),
      log: { info: log, warn: log },
      podStartMs: 2_000,
      nodeStartMs: 300_000,
      now: () => performance.now(),
      ...options,
    }).run(abort.signal);
    this.#running = {
      triggers,
      stop: async () => {
        abort.abort();
        await done;
        connections.close();
        await publisher.close();
      },
    };
  }

  producer(name: string): Queue {
    const queue = new Queue(name, { connection: this.#connection() });
    this.#clients.push(queue);
    return queue;
  }

  /** @param workerName the worker's name, as a pod's would be; absent: none. */
  worker(name: string, process: Processor, concurrency = 10, workerName?: string): Worker {
    const worker = new Worker(name, process, {
      concurrency,
      ...(workerName !== undefined && { name: workerName }),
      connection: { host: this.redis.host, port: this.redis.port, maxRetriesPerRequest: null },
    });
    worker.on('error', () => {});
    this.#clients.push({ close: () => worker.close(true) });
    return worker;
  }

  /** Decisions of a pool, oldest first. */
  of(name: string): (ScalingDecision & { arrivedAtMs: number })[] {
    return this.decisions.filter(({ pool }) => pool.name === name);
  }

  replicas(name: string): number {
    return this.pools.get(`team/${name}`)?.status?.desiredReplicas ?? 0;
  }

  async metric(name: string): Promise<{ value: number; labels: object; metricName?: string }[]> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    return metric?.values ?? [];
  }

  /** The lines of the metrics page that begin with `name`. */
  async metricRows(name: string): Promise<string[]> {
    const page = await this.#registry.metrics();
    return page.split('\n').filter((line) => line.startsWith(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.stop();
    await Promise.all(this.#clients.map((client) => client.close().catch(() => {})));
    await Promise.all([this.redis.stop(), this.bus.stop()]);
  }

  #connection(): Redis {
    const connection = new Redis({ host: this.redis.host, port: this.redis.port, maxRetriesPerRequest: 1 });
    connection.on('error', () => {});
    this.#clients.push({ close: () => Promise.resolve(connection.disconnect()) });
    return connection;
  }

  #topology(): ReturnType<typeof buildTopology> {
    return buildTopology({
      pools: [...this.pools.values()],
      queue: (_, name) => this.queues.get(name),
      secrets: secretSources(() => aSecret(this.redisUrl)),
    });
  }

  #receive(decision: ScalingDecision): void {
    this.decisions.push({ ...decision, arrivedAtMs: performance.now() });
    const key = `${decision.pool.namespace}/${decision.pool.name}`;
    const pool = this.pools.get(key);
    if (!this.follows || pool === undefined || pool.status?.desiredReplicas === decision.desiredReplicas) return;
    this.pools.set(key, { ...pool, status: { desiredReplicas: decision.desiredReplicas } });
    this.#running?.triggers.podsChanged(key);
  }
}
