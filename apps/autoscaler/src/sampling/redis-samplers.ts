import { ConnectionShares, type ConnectionLimits } from '@redis-queue/bullmq';
import type { ScaledPool, Topology } from '../watching/topology.ts';
import type { QueueKnowledge } from './queue-knowledge.ts';
import type { RedisReader } from './redis-reader.ts';
import { RedisSampler, type SamplerOptions } from './redis-sampler.ts';
import type { PoolSize } from './client-room.ts';
import { PRESSURE_EVERY_MS } from './saturation.ts';
import { SamplingBudget } from './sampling-budget.ts';
import { StartingClients } from './starting-clients.ts';

/** Redis targets that notify of new jobs, with two connections each; all others are polled each second. */
const STANDING_LIMITS: ConnectionLimits = { total: 512, perServer: 256, perNamespace: 16 };

/** One sampler for each Redis that the topology names. */
export class RedisSamplers {
  readonly #options: SamplerOptions;
  readonly #samplers = new Map<string, RedisSampler>();
  /** By server. */
  readonly #budgets = new Map<string, SamplingBudget>();
  #topology: Topology = { pools: new Map(), queues: new Map(), targets: new Map(), consumers: new Map() };

  constructor(options: Omit<SamplerOptions, 'starting' | 'budgetOf'>) {
    // Those of pods that take longer than that count until they are ready.
    const starting = new StartingClients(options.podStartMs + PRESSURE_EVERY_MS);
    this.#options = {
      standing: new ConnectionShares(STANDING_LIMITS),
      starting,
      budgetOf: (server) => this.#budgetOf(server),
      ...options,
    };
  }

  /** Samples the queues of `next` from now on, and no others. */
  adopt(next: Topology): void {
    const before = this.#topology;
    const samplersBefore = new Map([...before.pools.values()].map((pool) => [pool, this.#samplersOf(pool)]));
    this.#topology = next;
    for (const queue of before.queues.values()) {
      if (!next.queues.has(queue.id)) this.#samplers.get(queue.targetKey)?.forget(queue);
    }
    for (const key of before.targets.keys()) {
      if (next.targets.has(key)) continue;
      this.#samplers.get(key)?.close();
      this.#samplers.delete(key);
    }
    const servers = new Set([...this.#samplers.values()].map(({ clients }) => clients.server));
    for (const server of this.#budgets.keys()) if (!servers.has(server)) this.#budgets.delete(server);
    // A pool that connects elsewhere now has no share of what its former server takes.
    for (const [{ key }, samplers] of samplersBefore) {
      const pool = next.pools.get(key);
      const now = pool ? this.#samplersOf(pool) : [];
      for (const { clients } of samplers) {
        if (!now.some((other) => other.clients.server === clients.server)) clients.forget(key);
      }
    }
    for (const [key, target] of next.targets) {
      const known = this.#samplers.get(key);
      if (known) known.reader.namespace = target.namespace;
      else this.#samplers.set(key, new RedisSampler(key, target, this.#options));
    }
    for (const queue of next.queues.values()) this.#samplers.get(queue.targetKey)?.follow(queue);
  }

  #budgetOf(server: string): SamplingBudget {
    const budget = this.#budgets.get(server) ?? new SamplingBudget();
    this.#budgets.set(server, budget);
    return budget;
  }

  /** When the next sample is due; infinite when none is planned. */
  nextDueMs(): number {
    let nextMs = Infinity;
    for (const sampler of this.#samplers.values()) nextMs = Math.min(nextMs, sampler.nextDueMs() ?? Infinity);
    return nextMs;
  }

  /** Starts the samples that are due now. */
  sampleDue(): void {
    for (const sampler of this.#samplers.values()) sampler.sampleDue();
  }

  /** Samples the pool's queues with the next tick, whatever was planned for them. */
  sampleSoon(pool: ScaledPool): void {
    for (const queue of pool.queues) if ('id' in queue) this.#samplerOf(queue.id)?.sampleSoon(queue.id);
  }

  /** Samples all queues of this Redis whose last sample failed, at once. */
  retryFailed(targetKey: string): void {
    this.#samplers.get(targetKey)?.retryFailed();
  }

  /** What is known of the queue; undefined when it is not sampled here. */
  knowledge(queueId: string): QueueKnowledge | undefined {
    return this.#samplerOf(queueId)?.knowledge(queueId);
  }

  /** Whether a Redis that the pool works on is at its limit. */
  isSaturated(pool: ScaledPool): boolean {
    return pool.queues.some((queue) => 'id' in queue && this.#samplerOf(queue.id)?.saturated);
  }

  /** Why queues of the pool are polled while they are at rest; undefined: they are not, or it never goes to zero. */
  polled(pool: ScaledPool): string | undefined {
    if (pool.view.minReplicas > 0) return undefined;
    return this.#samplersOf(pool)
      .map(({ wakeUpsFailure }) => wakeUpsFailure)
      .find((failure) => failure !== undefined);
  }

  /**
   * The size up to which each Redis of the pool has connections for its pods; undefined: none says how many it takes.
   *
   * @param pods its size now, and how many of its pods are ready
   */
  largestSize(pool: ScaledPool, pods: PoolSize): number | undefined {
    const nowMs = this.#options.now();
    const sizes = this.#samplersOf(pool).flatMap(({ clients }) => clients.largestSize(pool, pods, nowMs) ?? []);
    return sizes.length === 0 ? undefined : Math.min(...sizes);
  }

  /** The pool was decided to have that size. */
  decided(pool: ScaledPool, size: number): void {
    const nowMs = this.#options.now();
    // Its Queues may have several users on one server, where each pod connects once per Queue all the same.
    const counted = new Set<string>();
    for (const { clients } of this.#samplersOf(pool)) {
      const isCounted = clients.decided(pool, size, nowMs, counted.has(clients.server));
      if (isCounted) counted.add(clients.server);
    }
  }

  /** The pool is gone. */
  forgetPool(pool: ScaledPool): void {
    for (const { clients } of this.#samplers.values()) clients.forget(pool.key);
  }

  /** For reads that decisions ask for. */
  reader(targetKey: string): RedisReader | undefined {
    return this.#samplers.get(targetKey)?.reader;
  }

  close(): void {
    for (const sampler of this.#samplers.values()) sampler.close();
  }

  #samplersOf({ queues }: ScaledPool): readonly RedisSampler[] {
    return [...new Set(queues.flatMap((queue) => ('id' in queue ? (this.#samplerOf(queue.id) ?? []) : [])))];
  }

  #samplerOf(queueId: string): RedisSampler | undefined {
    return this.#samplers.get(this.#topology.queues.get(queueId)?.targetKey ?? '');
  }
}
