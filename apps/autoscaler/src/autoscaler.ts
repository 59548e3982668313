import type { RedisConnections } from '@redis-queue/bullmq';
import { PoolAdvisor, type AdvisorOptions } from './deciding/pool-advisor.ts';
import type { DecisionBus } from './publishing/epoch-publisher.ts';
import { EpochPublisher } from './publishing/epoch-publisher.ts';
import { untilDue, type Bell } from './triggers.ts';
import { readBusyPods } from './publishing/busy-pods.ts';
import { TICK_MS } from './sampling/cadence.ts';
import { RedisLooker, type LookerOptions } from './sampling/redis-sampler.ts';
import type { AutoscalerMetrics } from './metrics/autoscaler-metrics.ts';
import { observePool, type PoolPods, type QueueKnowledge } from './sampling/queue-knowledge.ts';
import { PoolDecider } from './deciding/pool-decider.ts';
import type { ScaledPool, Topology, WatchedQueue } from './watching/topology.ts';

export interface AutoscalerOptions {
  readonly topology: () => Topology;
  /** What the pool's status says of its pods; undefined while it has no Deployment. */
  readonly pods: (poolKey: string) => PoolPods | undefined;
  /** The latest epoch of which any pool's status tells; 0 when none does. */
  readonly latestEpoch: () => number;
  readonly connections: RedisConnections;
  readonly bus: DecisionBus;
  readonly bell: Bell;
  readonly metrics: AutoscalerMetrics;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** How long a pod takes from decision to first job: delayed jobs due within it are load already. */
  readonly podStartMs: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** For tests that wait for advice. */
  readonly advice?: Pick<AdvisorOptions, 'enough' | 'readEveryMs'>;
}

/** A pool that nobody decided for this long is decided with what is known, so that missing data is told too. */
const DECIDE_AT_LEAST_MS = 2_000;

/** A change of the topology is taken up at once, further ones after this pause: thousands of objects may be created in a row. */
const ADOPT_PAUSE_MS = 250;

/** Has every Redis looked at and decides the pools on what was seen. One instance a leadership. */
export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #decider: PoolDecider;
  readonly #advisor: PoolAdvisor;
  readonly #lookers = new Map<string, RedisLooker>();
  #topology: Topology = { pools: new Map(), queues: new Map(), targets: new Map() };
  #publisher: EpochPublisher | undefined;
  #beginning = false;
  #busDown = false;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#advisor = new PoolAdvisor({
      read: async (target, places) => await this.#lookers.get(target)?.eye.usage(places),
      now: options.now,
      ...options.advice,
    });
    this.#decider = new PoolDecider({
      advice: (pool) => this.#advisor.advice(pool),
      publisher: () => this.#publisher,
      busyPods: (pool) => readBusyPods(pool, this.#topology.queues, (key) => this.#lookers.get(key)?.eye),
      metrics: options.metrics,
      now: options.now,
      onPublishFailure: () => this.#busAnswered(false),
      onPublished: () => this.#busAnswered(true),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { bell, now } = this.#options;
    bell.ring();
    let sweptAtMs = -Infinity;
    let adoptNextMs = -Infinity;
    while (!signal.aborted) {
      if (now() >= adoptNextMs && bell.takeTopologyChanged()) {
        this.#adopt(this.#options.topology());
        adoptNextMs = now() + ADOPT_PAUSE_MS;
      }
      for (const key of bell.takePodsChanged()) this.#attend(key);
      for (const key of bell.takeRedisBack()) this.#lookers.get(key)?.lookAgain();
      void this.#beginEpoch();
      for (const looker of this.#lookers.values()) looker.lookAtDue();
      if (now() - sweptAtMs >= TICK_MS) {
        sweptAtMs = now();
        this.#decideNeglected();
        void this.#advisor.readDue(this.#topology.pools.values(), this.#topology.queues, (key) => this.#hasPods(key));
      }
      const adoptDueMs = bell.hasTopologyChanged ? adoptNextMs : Infinity;
      // oxlint-disable-next-line no-await-in-loop -- this is the loop that waits
      await untilDue(bell, Math.min(this.#nextLookMs(), sweptAtMs + TICK_MS, adoptDueMs) - now(), signal);
    }
    for (const looker of this.#lookers.values()) looker.close();
  }

  #nextLookMs(): number {
    let nextMs = Infinity;
    for (const looker of this.#lookers.values()) nextMs = Math.min(nextMs, looker.nextMs() ?? Infinity);
    return nextMs;
  }

  /** Takes the epoch as soon as the bus answers; until then there is nobody to tell. */
  async #beginEpoch(): Promise<void> {
    if (this.#publisher !== undefined || this.#beginning) return;
    const { bus, latestEpoch, log, now } = this.#options;
    this.#beginning = true;
    try {
      this.#publisher = await EpochPublisher.begin(bus, now, latestEpoch());
      log.info({ epoch: this.#publisher.epoch }, 'publishing decisions');
    } catch {
      this.#busAnswered(false);
    }
    this.#beginning = false;
  }

  #busAnswered(ok: boolean): void {
    if (this.#busDown === !ok) return;
    this.#busDown = !ok;
    const { log } = this.#options;
    if (ok) log.info({}, 'the bus answers again');
    else
      log.warn(
        {},
        'the bus does not answer: sizes stay as they are until it does; check the Secret of the bus and its Redis',
      );
  }

  #adopt(next: Topology): void {
    const before = this.#topology;
    this.#topology = next;
    for (const pool of before.pools.values()) {
      if (next.pools.has(pool.key)) continue;
      this.#decider.forget(pool);
      this.#advisor.forget(pool);
    }
    for (const queue of before.queues.values()) {
      if (!next.queues.has(queue.id)) this.#lookers.get(queue.targetKey)?.forget(queue);
    }
    for (const key of before.targets.keys()) {
      if (next.targets.has(key)) continue;
      this.#lookers.get(key)?.close();
      this.#lookers.delete(key);
    }
    for (const [key, target] of next.targets) {
      if (!this.#lookers.has(key)) this.#lookers.set(key, new RedisLooker(key, target, this.#lookerOptions()));
    }
    for (const queue of next.queues.values()) this.#lookers.get(queue.targetKey)?.follow(queue);
  }

  #lookerOptions(): LookerOptions {
    const { bell } = this.#options;
    return {
      ...this.#options,
      isAtZero: (key) => this.#isAtZero(key),
      onSooner: () => bell.ring(),
      onLooked: (queues) => this.#decidePools(queues),
    };
  }

  /** A pool that somebody gave pods, or whose pods are blocked, must not wait for a wake-up to be looked at. */
  #attend(poolKey: string): void {
    for (const queue of this.#topology.pools.get(poolKey)?.queues ?? []) {
      if ('id' in queue) this.#lookerOf(queue.id)?.attend(queue.id);
    }
  }

  #lookerOf(queueId: string): RedisLooker | undefined {
    return this.#lookers.get(this.#topology.queues.get(queueId)?.targetKey ?? '');
  }

  #knowledge(queueId: string): QueueKnowledge | undefined {
    return this.#lookerOf(queueId)?.knowledge(queueId);
  }

  #isAtZero(poolKey: string): boolean {
    return (this.#options.pods(poolKey)?.replicas ?? 0) === 0 && (this.#decider.desired(poolKey) ?? 0) === 0;
  }

  #decidePools(queues: readonly WatchedQueue[]): void {
    const keys = new Set(queues.flatMap(({ pools }) => pools));
    for (const key of keys) {
      const pool = this.#topology.pools.get(key);
      if (pool !== undefined) void this.#decide(pool, queues);
    }
  }

  /** Pools whose queues nobody can look at are told so; pools at rest are left alone. */
  #decideNeglected(): void {
    for (const pool of this.#topology.pools.values()) {
      if (this.#hasPods(pool.key) && this.#decider.sinceDecidedMs(pool.key) >= DECIDE_AT_LEAST_MS) {
        void this.#decide(pool, []);
      }
    }
  }

  #hasPods(poolKey: string): boolean {
    return (this.#options.pods(poolKey)?.replicas ?? 0) > 0;
  }

  async #decide(pool: ScaledPool, lookedAt: readonly WatchedQueue[]): Promise<void> {
    const pods = this.#options.pods(pool.key);
    if (pods === undefined) return; // No Deployment yet; whoever creates it knows the first size.
    const observed = observePool(pool, pods, (id) => this.#knowledge(id));
    const redisSaturated = pool.queues.some((queue) => 'id' in queue && this.#lookerOf(queue.id)?.saturated);
    if (!(await this.#decider.decide(pool, { ...observed, redisSaturated }))) return;
    for (const { id } of lookedAt) this.#lookerOf(id)?.told(id);
  }
}
