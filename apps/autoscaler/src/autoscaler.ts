import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RedisConnections } from '@redis-queue/bullmq';
import { loopTurns } from '@redis-queue/controller';
import type { Instant, Slots } from '@redis-queue/scaling';
import { PoolAdvisor, type AdvisorOptions } from './deciding/pool-advisor.ts';
import { PoolClients, type ClientsOptions } from './deciding/pool-clients.ts';
import { PoolDecider } from './deciding/pool-decider.ts';
import { observePool } from './deciding/pool-observation.ts';
import { QueueSlots } from './deciding/queue-slots.ts';
import type { AutoscalerMetrics } from './metrics/autoscaler-metrics.ts';
import { readBusyPods } from './publishing/busy-pods.ts';
import { EpochPublisher, type DecisionBus } from './publishing/epoch-publisher.ts';
import { TICK_MS } from './sampling/cadence.ts';
import { RedisSamplers } from './sampling/redis-samplers.ts';
import type { SamplerHost } from './sampling/sampler-host.ts';
import { untilDue, type Triggers } from './triggers.ts';
import type { PoolPods } from './watching/pool-status.ts';
import type { ScaledPool, Topology, WatchedQueue } from './watching/topology.ts';
import { newlyUnseen } from './watching/unseen-queues.ts';

export interface AutoscalerOptions {
  readonly topology: () => Topology;
  /** What the pool's status says of its pods; undefined while it has no Deployment. */
  readonly pods: (poolKey: string) => PoolPods | undefined;
  /** The latest epoch that any pool's status names; 0 when none does. */
  readonly latestEpoch: () => number;
  readonly connections: RedisConnections;
  readonly bus: DecisionBus;
  readonly triggers: Triggers;
  readonly metrics: AutoscalerMetrics;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** The first guess of how long a pod takes to start, ms, until it is measured: jobs due within it are load already. */
  readonly podStartMs: number;
  /** How long a node takes to start, ms: pods that wait for one hold growth only after this. */
  readonly nodeStartMs: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** For tests that wait for advice. */
  readonly advice?: Pick<AdvisorOptions, 'enough' | 'readEveryMs'>;
  /** For tests that wait for who speaks to Redis. */
  readonly clients?: Pick<ClientsOptions, 'readEveryMs'>;
}

/** A pool that got no decision for this long gets one from what is known, so that missing data is published too. */
const DECIDE_AT_LEAST_MS = 2_000;

/**
 * A first change of the topology is adopted at once, further ones after this pause, or after so many times as long as
 * that took: thousands of objects may be created in a row, and all of them are gone through each time.
 */
const ADOPT_PAUSE_MS = 250;
const ADOPT_PAUSE_TIMES = 9;

/**
 * The loop: samples every Redis, decides the pools' sizes from the samples and publishes them. One instance per
 * leadership.
 */
export class Autoscaler implements SamplerHost {
  readonly #options: AutoscalerOptions;
  readonly #samplers: RedisSamplers;
  readonly #decider: PoolDecider;
  readonly #advisor: PoolAdvisor;
  readonly #clients: PoolClients;
  readonly #slots = new QueueSlots();
  #topology: Topology = { pools: new Map(), queues: new Map(), targets: new Map(), consumers: new Map() };
  #publisher: EpochPublisher | undefined;
  #beginning = false;
  #busDown = false;
  /** Pools that were not decided for long are gone through. */
  #sweeping = false;

  constructor(options: AutoscalerOptions) {
    const { connections, metrics, log, podStartMs, now } = options;
    this.#options = options;
    this.#samplers = new RedisSamplers({ connections, metrics, log, podStartMs, now, host: this });
    this.#advisor = new PoolAdvisor({
      read: async (target, places) => await this.#samplers.reader(target)?.usage(places),
      now,
      ...options.advice,
    });
    this.#clients = new PoolClients({
      read: async (target) => await this.#samplers.reader(target)?.clients(),
      now,
      ...options.clients,
    });
    this.#decider = new PoolDecider({
      facts: (pool) => ({
        advice: this.#advisor.advice(pool),
        contractLevel: this.#advisor.contractLevel(pool),
        stuckPods: this.#advisor.stuckPods(pool),
        polled: this.#samplers.polled(pool),
        clients: this.#clients.of(pool),
      }),
      publisher: () => this.#publisher,
      busyPods: (pool) => readBusyPods(pool, this.#topology.queues, (key) => this.#samplers.reader(key)),
      metrics,
      now,
      onPublishFailure: () => this.#busAnswered(false),
      onPublished: () => this.#busAnswered(true),
    });
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { triggers, now } = this.#options;
    triggers.wake();
    let sweptAtMs = -Infinity;
    let adoptNextMs = -Infinity;
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop
      if (now() >= adoptNextMs && triggers.takeTopologyChanged()) adoptNextMs = await this.#adoptInTurns();
      // It waited for its turn: another may lead by now.
      if (signal.aborted) break;
      for (const key of triggers.takePodsChanged()) this.#podsChanged(key);
      for (const key of triggers.takeRedisReconnected()) this.#samplers.retryFailed(key);
      void this.#beginEpoch();
      this.#samplers.sampleDue();
      if (now() - sweptAtMs >= TICK_MS) {
        sweptAtMs = now();
        void this.#decideNeglected(signal);
        const { pools, queues } = this.#topology;
        for (const facts of [this.#advisor, this.#clients])
          void facts.readDue(pools.values(), queues, (key) => this.#hasPods(key));
      }
      const adoptDueMs = triggers.hasTopologyChanged ? adoptNextMs : Infinity;
      // oxlint-disable-next-line no-await-in-loop -- this is the loop that waits
      await untilDue(triggers, Math.min(this.#samplers.nextDueMs(), sweptAtMs + TICK_MS, adoptDueMs) - now(), signal);
    }
    this.#samplers.close();
  }

  podStartMs(poolKey: string): number | undefined {
    return this.#options.pods(poolKey)?.startMs;
  }

  isAtZero(poolKey: string): boolean {
    return (this.#options.pods(poolKey)?.replicas ?? 0) === 0 && (this.#decider.desired(poolKey) ?? 0) === 0;
  }

  onRescheduled(): void {
    this.#options.triggers.wake();
  }

  async onSampled(queues: readonly WatchedQueue[], markDecided: () => void): Promise<void> {
    const keys = new Set(queues.flatMap(({ pools }) => pools));
    for (const key of keys) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that others have their turn
      await loopTurns.next();
      const pool = this.#topology.pools.get(key);
      if (pool !== undefined) void this.#decide(pool, markDecided);
    }
  }

  /** Takes the epoch as soon as the bus answers; nothing can be published before that. */
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

  /** What thousands of objects ask for is read, taken over and acted on in turns of its own. @returns when to do so next */
  async #adoptInTurns(): Promise<Instant> {
    const { topology, now } = this.#options;
    const readMs = now();
    const next = topology();
    let tookMs = now() - readMs;
    await nextTurn();
    const adoptedMs = now();
    this.#adopt(next);
    tookMs += now() - adoptedMs;
    await nextTurn();
    return now() + Math.max(ADOPT_PAUSE_MS, ADOPT_PAUSE_TIMES * tookMs);
  }

  #adopt(next: Topology): void {
    const before = this.#topology;
    this.#topology = next;
    for (const pool of before.pools.values()) {
      if (next.pools.has(pool.key)) continue;
      this.#decider.forget(pool);
      this.#advisor.forget(pool);
      this.#clients.forget(pool);
      this.#samplers.forgetPool(pool);
    }
    this.#samplers.adopt(next);
    for (const { pool, queue, unseen, message } of newlyUnseen(before, next)) {
      const fields = { pool, queue, reason: unseen, failure: message };
      this.#options.log.warn(fields, 'a queue cannot be sampled: the pool is not scaled by it until it can');
    }
  }

  /** A pool that got pods, or whose pods are blocked, must not wait for a wake-up of its queues. */
  #podsChanged(poolKey: string): void {
    const pool = this.#topology.pools.get(poolKey);
    if (pool !== undefined) this.#samplers.sampleSoon(pool);
  }

  /**
   * Decides for pools without a recent sample that have pods or cannot see a queue, so that this is published; pools at
   * rest are left alone.
   */
  async #decideNeglected(signal: AbortSignal): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    for (const { key } of this.#topology.pools.values()) {
      if (this.#decider.sinceDecidedMs(key) < DECIDE_AT_LEAST_MS) continue;
      // oxlint-disable-next-line no-await-in-loop
      await loopTurns.next();
      if (signal.aborted) break;
      const pool = this.#topology.pools.get(key);
      if (pool && (this.#hasPods(key) || this.#lacksData(pool))) void this.#decide(pool);
    }
    this.#sweeping = false;
  }

  /** Whether a queue of the pool cannot be sampled, for whatever reason. */
  #lacksData({ queues }: ScaledPool): boolean {
    return queues.some((queue) => 'unseen' in queue || this.#samplers.knowledge(queue.id)?.failure !== undefined);
  }

  /** Whether the first sample of one of the pool's queues is under way; one that hangs counts as failed. */
  #isNew({ queues }: ScaledPool): boolean {
    return queues.some((queue) => {
      const known = 'id' in queue ? this.#samplers.knowledge(queue.id) : undefined;
      return known !== undefined && known.latest === undefined && known.failure === undefined;
    });
  }

  #hasPods(poolKey: string): boolean {
    return (this.#options.pods(poolKey)?.replicas ?? 0) > 0;
  }

  /** @param markDecided called once a change of the pool's size is on the bus. */
  async #decide(pool: ScaledPool, markDecided?: () => void): Promise<void> {
    const pods = this.#options.pods(pool.key);
    if (pods === undefined) return; // No Deployment yet; whoever creates it knows the first size.
    if (this.#isNew(pool)) return; // What will be known in a moment is not missing.
    const { pods: podsOf, nodeStartMs, now } = this.#options;
    const slots = (id: string): Slots | undefined => {
      const consumers = this.#topology.consumers.get(id);
      return consumers && this.#slots.of(consumers, podsOf, now());
    };
    const observed = observePool(pool, pods, (id) => this.#samplers.knowledge(id), slots);
    const redisSaturated = this.#samplers.isSaturated(pool);
    const largestSize = this.#samplers.largestSize(pool, pods);
    const connections = largestSize === undefined ? {} : { connectableReplicas: largestSize };
    const published = this.#decider.decide(pool, { ...observed, nodeStartMs, redisSaturated, ...connections });
    // Decided by now, though it may not be published yet.
    this.#samplers.decided(pool, this.#decider.desired(pool.key) ?? pods.replicas);
    if (await published) markDecided?.();
  }
}
