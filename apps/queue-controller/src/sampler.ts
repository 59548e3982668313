import { setTimeout as delay } from 'node:timers/promises';
import { QUEUES, type Queue } from '@redis-queue/api';
import {
  classifyRedisError,
  queueId,
  sampleFinished,
  trySampleQueues,
  type FinishedWatermark,
  type QueueSample,
  type RedisTarget,
} from '@redis-queue/bullmq';
import { keyOf, keyToString, StatusWriter, TokenBucket, type Manager } from '@redis-queue/controller';
import {
  CircuitBreakers,
  queueRef,
  resolveRedis,
  resolveRedisOfRoles,
  type QueueObject,
} from '@redis-queue/redis-access';
import { isWorthWriting, percentile, sampledStatus, type SampledStatus } from './counts.ts';
import type { QueueMetrics } from './metrics.ts';
import { redisProblem, type Sources } from './observe.ts';
import type { WatchedSources } from './sources.ts';

/** The field manager of what the sampler writes into status. */
const SAMPLER_MANAGER = 'redis-queue-sampler';
/** 10,000 queues cost ~0.4 s of Redis' time per round: below 2 % of a core. */
export const SAMPLE_INTERVAL_MS = 30_000;
/** Status writes of all objects together, so that a thousand queues under load do not flood the API server. */
const STATUS_WRITES_PER_SECOND = 20;
/** Waits that the 95th percentile is taken of: the newest, of at most five minutes. */
const RETAINED_WAITS = 500;
const WAITS_AGE_MS = 5 * 60_000;
const IDLE_CONNECTION_MS = 5 * 60_000;
/** Of one Redis in one round, whatever hangs there. */
const TARGET_TIMEOUT_MS = 10_000;

type Redis = Parameters<typeof sampleFinished>[0];

/** The queues of one Redis. */
interface Group {
  readonly key: string;
  readonly target: RedisTarget;
  readonly queues: QueueObject[];
}

export interface SamplerDeps {
  readonly sources: Sources;
  readonly metrics: QueueMetrics;
  readonly listQueues: () => QueueObject[];
  writeStatus(queue: QueueObject, status: SampledStatus): Promise<void>;
  /** Called with a status that could not be written; the next round tries again. */
  onError(queue: Queue, error: unknown): void;
  /** Called with what ended a round before its end. */
  onRoundFailed(error: unknown): void;
  now(): Date;
}

interface SampledQueue {
  readonly queue: QueueObject;
  readonly sample: QueueSample;
  readonly waitP95Ms: number | undefined;
}

interface Waits {
  watermark: FinishedWatermark;
  /** Newest last. */
  recent: { readonly atMs: number; readonly waitMs: number }[];
  finished: string;
}

export interface SamplerSettings {
  readonly sources: WatchedSources;
  readonly metrics: QueueMetrics;
  /** Default 30 s. */
  readonly intervalMs?: number | undefined;
}

/** Has the leading manager sample all queues, once their objects and Secrets are known. */
export function runSampler(manager: Manager, { sources, metrics, intervalMs }: SamplerSettings): void {
  const { client, log } = manager;
  const { queues, secrets } = sources;
  const status = new StatusWriter<QueueObject>({ client, type: QUEUES, fieldManager: SAMPLER_MANAGER });
  const sampler = new QueueSampler({
    sources,
    metrics,
    listQueues: () => queues.list(),
    writeStatus: (queue, sampled) => status.write(queue, sampled),
    onError: (queue, error) =>
      log.warn({ queue: keyToString(keyOf(queue)), err: error }, 'the sampled status could not be written'),
    onRoundFailed: (error) => log.error({ err: error }, 'a round of samples ended early'),
    now: () => new Date(),
  });
  manager.runnable({
    name: 'queue-sampler',
    run: async (signal) => {
      await queues.whenSynced(signal);
      await secrets.whenSynced(signal);
      await sampler.run(signal, intervalMs);
    },
  });
}

/** Samples all queues every 30 s, for metrics and the counts in the status. Writes nothing to Redis. */
export class QueueSampler {
  readonly #deps: SamplerDeps;
  readonly #writes: TokenBucket;
  readonly #waits = new Map<string, Waits>();
  readonly #breakers: CircuitBreakers;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    this.#writes = new TokenBucket(STATUS_WRITES_PER_SECOND, () => deps.now().getTime());
    // Of its own: the sampler's credentials may be others, and a round over all queues of a Redis takes longer than a call.
    this.#breakers = new CircuitBreakers({
      timeoutMs: TARGET_TIMEOUT_MS,
      now: () => performance.now(),
      observer: deps.metrics.circuits('sample', () => this.#breakers.openTargets().length),
    });
  }

  async run(signal: AbortSignal, intervalMs: number = SAMPLE_INTERVAL_MS): Promise<void> {
    while (!signal.aborted) {
      // Whatever a round meets, the next is another try: the process serves every tenant.
      await this.sampleAll().catch((error: unknown) => this.#deps.onRoundFailed(error));
      this.#deps.sources.connections.closeIdle(IDLE_CONNECTION_MS);
      await delay(intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  /** One round over all queues; a Redis that does not answer costs only its own queues their numbers. */
  async sampleAll(): Promise<void> {
    const byTarget = new Map<string, Group>();
    for (const queue of this.#deps.listQueues()) {
      const connection = resolveRedisOfRoles(queue, ['sampler', 'controller'], this.#deps.sources.secrets);
      if (!connection.ok) continue;
      const key = connection.targetKey;
      const group = byTarget.get(key) ?? { key, target: connection.target, queues: [] };
      group.queues.push(queue);
      byTarget.set(key, group);
    }
    const sampled = (await Promise.all([...byTarget.values()].map((group) => this.#sampleTarget(group)))).flat();
    this.#forgetTargets(new Set(byTarget.keys()));
    this.#deps.metrics.show(sampled);
    this.#forget(new Set(sampled.map(({ queue }) => waitsKey(queue))));
    for (const each of sampled) await this.#writeStatus(each);
  }

  #forgetTargets(sampled: ReadonlySet<string>): void {
    const { sources, listQueues } = this.#deps;
    this.#breakers.forgetIdle(sampled);
    const reconciled = listQueues().map((queue) => resolveRedis(queue, 'controller', sources.secrets));
    sources.breakers.forgetIdle(new Set(reconciled.flatMap((access) => (access.ok ? [access.targetKey] : []))));
  }

  async #sampleTarget({ key, target, queues }: Group): Promise<SampledQueue[]> {
    const { connections } = this.#deps.sources;
    const from = performance.now();
    try {
      const sampled = await this.#breakers.run(key, (signal) =>
        this.#readQueues(connections.get(target), queues, signal),
      );
      this.#deps.metrics.sampleTook((performance.now() - from) / 1000);
      return sampled;
    } catch (error) {
      this.#deps.metrics.sampleFailed(redisProblem(error, target, connections).reason);
      return [];
    }
  }

  async #readQueues(redis: Redis, queues: QueueObject[], signal: AbortSignal): Promise<SampledQueue[]> {
    const samples = await trySampleQueues(redis, queues.map(queueRef));
    const sampled: SampledQueue[] = [];
    for (const [index, queue] of queues.entries()) {
      signal.throwIfAborted();
      try {
        const sample = samples[index]!;
        if (sample instanceof Error) throw sample;
        sampled.push({ queue, sample, waitP95Ms: await this.#waitP95(redis, queue, sample) });
      } catch (error) {
        // A queue with a bad key costs itself its numbers; a Redis that is gone, all of its queues.
        const { reason } = classifyRedisError(error);
        if (reason !== 'QueueUnreadable' && reason !== 'RedisNoPermission') throw error;
        this.#deps.metrics.sampleFailed(reason);
      }
    }
    return sampled;
  }

  /** Reads finished jobs only of queues in which some finished since the last sample. */
  async #waitP95(redis: Redis, queue: Queue, sample: QueueSample): Promise<number | undefined> {
    const key = waitsKey(queue);
    const known = this.#waits.get(key);
    const finished = `${sample.completed} ${sample.failed} ${sample.completedTotal} ${sample.active} ${sample.addCounter}`;
    const oldest = sample.redisTimeMs - WAITS_AGE_MS;
    let recent = (known?.recent ?? []).filter(({ atMs }) => atMs >= oldest);
    let watermark = known?.watermark;
    if (!watermark || known?.finished !== finished) {
      const found = await sampleFinished(redis, queueRef(queue), watermark);
      watermark = found.watermark;
      recent = [...recent, ...found.waitsMs.toReversed().map((waitMs) => ({ atMs: found.redisTimeMs, waitMs }))].slice(
        -RETAINED_WAITS,
      );
    }
    this.#waits.set(key, { watermark, recent, finished });
    return percentile(
      recent.map(({ waitMs }) => waitMs),
      0.95,
    );
  }

  async #writeStatus({ queue, sample, waitP95Ms }: SampledQueue): Promise<void> {
    const status = sampledStatus(sample, waitP95Ms);
    if (queue.metadata.deletionTimestamp || !isWorthWriting(queue.status, status) || !this.#writes.take()) return;
    try {
      await this.#deps.writeStatus(queue, status);
    } catch (error) {
      this.#deps.onError(queue, error);
    }
  }

  #forget(current: ReadonlySet<string>): void {
    for (const key of this.#waits.keys()) if (!current.has(key)) this.#waits.delete(key);
  }
}

function waitsKey(queue: Queue): string {
  return `${queue.metadata.uid} ${queueId(queueRef(queue))}`;
}
