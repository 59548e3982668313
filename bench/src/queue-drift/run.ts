import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES } from '@redis-queue/api';
import { loadKubeClient } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import { ALONE, IN_FLIGHT } from '../fleet/fleet.ts';
import { hundredths, percentile } from '../measuring/percentile.ts';
import { cpuPercent, readRedisCpu } from '../measuring/redis-cpu.ts';
import { createNamespaces, createQueue, placesIn, untilReady, type QueueObject } from '../queues/queue-objects.ts';
import type { Stand } from '../stand/stand.ts';

export interface DriftOptions {
  readonly queues: number;
  readonly namespaces: number;
  /** In which every queue is changed once, one after the other. */
  readonly spreadMs: number;
  /** Before, while nothing is changed. */
  readonly idleMs: number;
  readonly print: (line: string) => void;
}

export interface DriftResult {
  /** From a change by hand to its repair, of all queues, each changed once within `spreadMs`. */
  readonly p99Ms: number;
  /** Of a core of Redis, in the same time: all of comparing, sampling and repairing, and the changes themselves. */
  readonly redisCpuPercent: number;
  /** The same while nothing was changed. */
  readonly idleRedisCpuPercent: number;
  /** When all queues are changed in one moment. */
  readonly atOnceP50Ms: number;
  readonly atOnceP99Ms: number;
}

const REPAIRED = '50';
const CHANGED = '1';
const SETTLE_MS = 15_000;
const TIMEOUT_MS = 300_000;

/** Changes the global concurrency of queues in Redis by hand, and measures until each is as its spec says. */
export async function runDrift(stand: Stand, options: DriftOptions): Promise<DriftResult> {
  const { queues, namespaces, spreadMs, idleMs, print } = options;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const end = new AbortController();
  const redis = new Redis(stand.redis.url);
  const repairs = await Repairs.watch(redis);
  try {
    const names = await createNamespaces(client, stand, namespaces);
    const controller = await stand.startApp('queue-controller', ALONE);
    const watch = await ObjectWatch.start<QueueObject>(client, QUEUES, undefined, end.signal);
    const places = placesIn(names, 'drift', queues);
    await inFlight(places, IN_FLIGHT, async (place) => void (await createQueue(client, place)));
    await untilReady(watch, places);
    print(`${queues} Queues are Ready`);
    await sleep(Math.min(SETTLE_MS, idleMs));

    const idleFrom = await readRedisCpu(redis);
    await sleep(idleMs);
    const idleTo = await readRedisCpu(redis);
    print('nothing was changed; now one queue after the other is');

    const from = await readRedisCpu(redis);
    const startMs = performance.now();
    for (const [index, { name }] of places.entries()) {
      const waitMs = startMs + (spreadMs * index) / queues - performance.now();
      if (waitMs > 1) await sleep(waitMs);
      await repairs.change(name);
    }
    await repairs.untilAll();
    const to = await readRedisCpu(redis);
    const spread = repairs.take();
    print('all were repaired; now all are changed at once');

    await Promise.all(places.map(({ name }) => repairs.change(name)));
    await repairs.untilAll();
    const atOnce = repairs.take();
    await controller.process.stop('SIGTERM');
    return {
      p99Ms: Math.round(percentile(spread, 0.99)),
      redisCpuPercent: hundredths(cpuPercent(from, to)),
      idleRedisCpuPercent: hundredths(cpuPercent(idleFrom, idleTo)),
      atOnceP50Ms: Math.round(percentile(atOnce, 0.5)),
      atOnceP99Ms: Math.round(percentile(atOnce, 0.99)),
    };
  } finally {
    end.abort();
    repairs.close();
    redis.disconnect();
    await client.close();
  }
}

/** Which queues were changed, and when Redis said that each was written again. */
class Repairs {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #changedAtMs = new Map<string, number>();
  /** Writes that are still to come of each queue that was changed: the change itself, and the repair. */
  readonly #writes = new Map<string, number>();
  #tookMs: number[] = [];

  private constructor(redis: Redis, subscriber: Redis) {
    this.#redis = redis;
    this.#subscriber = subscriber;
  }

  /** Redis tells of writes to hashes from now on. */
  static async watch(redis: Redis): Promise<Repairs> {
    await redis.config('SET', 'notify-keyspace-events', 'Kh');
    const subscriber = redis.duplicate();
    const repairs = new Repairs(redis, subscriber);
    subscriber.on('pmessage', (_: string, channel: string, event: string) => {
      if (event === 'hset') repairs.#written(channel.slice(channel.indexOf('__:') + 3));
    });
    await subscriber.psubscribe('__keyspace@0__:bull:*:meta');
    return repairs;
  }

  async change(queue: string): Promise<void> {
    const key = `bull:${queue}:meta`;
    this.#changedAtMs.set(key, performance.now());
    this.#writes.set(key, 2);
    await this.#redis.hset(key, 'concurrency', CHANGED);
  }

  /** @throws when a queue that was written is not as its spec says, or is not written in minutes. */
  async untilAll(): Promise<void> {
    await eventually(() => this.#writes.size === 0, { timeoutMs: TIMEOUT_MS, intervalMs: 20, description: 'repairs' });
    const keys = [...this.#changedAtMs.keys()];
    const values = await Promise.all(keys.map((key) => this.#redis.hget(key, 'concurrency')));
    const wrong = keys.filter((_, index) => values[index] !== REPAIRED);
    if (wrong.length > 0) throw new Error(`${wrong.length} queues were written and not repaired, such as ${wrong[0]}`);
  }

  /** How long each took. */
  take(): number[] {
    const tookMs = this.#tookMs;
    this.#tookMs = [];
    this.#changedAtMs.clear();
    return tookMs;
  }

  close(): void {
    this.#subscriber.disconnect();
  }

  #written(key: string): void {
    const left = this.#writes.get(key);
    if (left === undefined) return;
    this.#writes.set(key, left - 1);
    if (left > 1) return;
    this.#writes.delete(key);
    this.#tookMs.push(performance.now() - this.#changedAtMs.get(key)!);
  }
}
