import type { RedisConnections } from '@redis-queue/bullmq';
import type { DecisionBus } from './apply.ts';
import { EpochPublisher } from './apply.ts';
import { readBusyPods } from './busy.ts';
import { isAtRest, nextLookMs, onGrid, TICK_MS, WAKE_FOLLOW_UPS_MS } from './cadence.ts';
import type { AutoscalerMetrics } from './metrics.ts';
import { RedisEye } from './observe.ts';
import {
  knowNothing,
  learnFailure,
  learnSample,
  mayHaveFinished,
  observePool,
  type PoolPods,
  type QueueKnowledge,
} from './plan.ts';
import { PoolDecider } from './pool-decider.ts';
import { SampleSchedule } from './schedule.ts';
import type { ScaledPool, Topology, WatchedQueue } from './topology.ts';
import { untilDue, type Bell } from './bell.ts';

export interface AutoscalerOptions {
  readonly topology: () => Topology;
  /** What the pool's status says of its pods; undefined while it has no Deployment. */
  readonly pods: (poolKey: string) => PoolPods | undefined;
  readonly connections: RedisConnections;
  readonly bus: DecisionBus;
  readonly bell: Bell;
  readonly metrics: AutoscalerMetrics;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** How long a pod takes from decision to first job: delayed jobs due within it are load already. */
  readonly podStartMs: number;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/** A pool that nobody decided for this long is decided with what is known, so that missing data is told too. */
const DECIDE_AT_LEAST_MS = 2_000;

/** Looks at queues when they are due or woken, and decides the pools on them. One instance a leadership. */
export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #schedule = new SampleSchedule();
  readonly #decider: PoolDecider;
  readonly #knowledge = new Map<string, QueueKnowledge>();
  readonly #eyes = new Map<string, RedisEye>();
  readonly #blind = new Set<string>();
  readonly #inFlight = new Set<string>();
  readonly #readingFinished = new Set<string>();
  readonly #atRest = new Set<string>();
  /** Woken queues: when, and which looks are still planned for it. */
  readonly #woken = new Map<string, { atMs: number; told: boolean; looks: number[] }>();
  #topology: Topology = { pools: new Map(), queues: new Map(), targets: new Map() };
  #publisher: EpochPublisher | undefined;
  #beginning = false;
  #busDown = false;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#decider = new PoolDecider({
      publisher: () => this.#publisher,
      busyPods: (pool) => readBusyPods(pool, this.#topology.queues, this.#eyes),
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
    while (!signal.aborted) {
      if (bell.takeTopologyChanged()) this.#adopt(this.#options.topology());
      for (const key of bell.takePodsChanged()) this.#attend(key);
      void this.#beginEpoch();
      this.#lookAtDue();
      if (now() - sweptAtMs >= TICK_MS) {
        sweptAtMs = now();
        this.#decideNeglected();
      }
      // oxlint-disable-next-line no-await-in-loop -- this is the loop that waits
      await untilDue(bell, Math.min(this.#schedule.nextMs() ?? Infinity, sweptAtMs + TICK_MS) - now(), signal);
    }
    for (const eye of this.#eyes.values()) eye.close();
  }

  /** Takes the epoch as soon as the bus answers; until then there is nobody to tell. */
  async #beginEpoch(): Promise<void> {
    if (this.#publisher !== undefined || this.#beginning) return;
    const { bus, log, now } = this.#options;
    this.#beginning = true;
    try {
      this.#publisher = await EpochPublisher.begin(bus, now);
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
    const { connections, now } = this.#options;
    const before = this.#topology;
    this.#topology = next;
    for (const pool of before.pools.values()) if (!next.pools.has(pool.key)) this.#decider.forget(pool);
    for (const queue of before.queues.values()) if (!next.queues.has(queue.id)) this.#forgetQueue(queue);
    for (const key of before.targets.keys()) {
      if (next.targets.has(key)) continue;
      this.#eyes.get(key)?.close();
      this.#eyes.delete(key);
      this.#blind.delete(key);
    }
    for (const [key, target] of next.targets)
      if (!this.#eyes.has(key)) this.#eyes.set(key, new RedisEye(target, connections));
    for (const queue of next.queues.values()) {
      if (!this.#knowledge.has(queue.id)) this.#knowledge.set(queue.id, knowNothing(now(), queue.waitTargetMs));
      const old = before.queues.get(queue.id);
      if (old?.pools.join() !== queue.pools.join()) this.#schedule.sooner(queue.id, now());
    }
  }

  /** A pool that somebody gave pods, or whose pods are blocked, must not wait for a wake-up to be looked at. */
  #attend(poolKey: string): void {
    for (const queue of this.#topology.pools.get(poolKey)?.queues ?? []) {
      if ('id' in queue) this.#schedule.sooner(queue.id, onGrid(this.#options.now()));
    }
  }

  #forgetQueue(queue: WatchedQueue): void {
    this.#eyes.get(queue.targetKey)?.forget(queue);
    this.#schedule.delete(queue.id);
    for (const memory of [this.#knowledge, this.#woken]) memory.delete(queue.id);
    this.#atRest.delete(queue.id);
  }

  #lookAtDue(): void {
    const { now } = this.#options;
    const due = this.#schedule.takeDue(now());
    const free = due.flatMap(({ id, atMs }) => {
      const queue = this.#topology.queues.get(id);
      if (queue === undefined) return [];
      if (!this.#inFlight.has(id)) return [{ queue, atMs }];
      this.#schedule.sooner(id, now() + 50); // Its last look is still on the way.
      return [];
    });
    for (const looks of Map.groupBy(free, ({ queue }) => queue.targetKey).values()) {
      void this.#look(
        looks.map(({ queue }) => queue),
        Math.min(...looks.map(({ atMs }) => atMs)),
      );
    }
  }

  /** Looks at queues of one Redis, then decides their pools; what has finished is read after that, for the next decision. */
  async #look(queues: readonly WatchedQueue[], dueMs: number): Promise<void> {
    const { now, metrics, podStartMs } = this.#options;
    const targetKey = queues[0]!.targetKey;
    const eye = this.#eyes.get(targetKey);
    if (eye === undefined) return;
    for (const { id } of queues) this.#inFlight.add(id);
    const startMs = now();
    const looked = await eye.look(queues, podStartMs);
    const atMs = now();
    metrics.looked(looked.ok ? 'ok' : 'failed', startMs - dueMs, atMs - startMs);
    for (const { id } of queues) this.#inFlight.delete(id);
    this.#sees(targetKey, looked.ok ? undefined : looked.message);
    const finishing: WatchedQueue[] = [];
    queues.forEach((queue, index) => {
      const known = this.#knowledge.get(queue.id);
      if (known === undefined) return; // Gone meanwhile.
      const sample = looked.ok ? looked.samples[index] : undefined;
      if (sample !== undefined && mayHaveFinished(known.latest?.sample, sample)) finishing.push(queue);
      const failure = looked.ok ? 'Redis left the queue out of its answer' : looked.message;
      this.#knowledge.set(queue.id, sample ? learnSample(known, sample, atMs) : learnFailure(known, failure));
    });
    this.#decidePools(queues);
    for (const queue of queues) this.#planNextLook(queue);
    for (const queue of finishing) void this.#readFinished(eye, queue);
  }

  #sees(targetKey: string, failure: string | undefined): void {
    const { log } = this.#options;
    if (failure === undefined && this.#blind.delete(targetKey))
      log.info({ redis: targetKey }, 'Redis can be read again');
    if (failure === undefined || this.#blind.has(targetKey)) return;
    this.#blind.add(targetKey);
    log.warn(
      { redis: targetKey, failure },
      'Redis cannot be read: the pools on its queues keep their size until it can',
    );
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
      if (
        (this.#options.pods(pool.key)?.replicas ?? 0) > 0 &&
        this.#decider.sinceDecidedMs(pool.key) >= DECIDE_AT_LEAST_MS
      ) {
        void this.#decide(pool, []);
      }
    }
  }

  async #decide(pool: ScaledPool, lookedAt: readonly WatchedQueue[]): Promise<void> {
    const { metrics, now } = this.#options;
    const pods = this.#options.pods(pool.key);
    if (pods === undefined) return; // No Deployment yet; whoever creates it knows the first size.
    const observation = observePool(pool, pods, (id) => this.#knowledge.get(id), now());
    const sent = await this.#decider.decide(pool, observation);
    if (!sent) return;
    for (const { id } of lookedAt) {
      const woken = this.#woken.get(id);
      if (woken === undefined || woken.told) continue;
      woken.told = true;
      metrics.woken(now() - woken.atMs);
    }
  }

  #planNextLook(queue: WatchedQueue): void {
    const { now, podStartMs } = this.#options;
    const latest = this.#knowledge.get(queue.id)?.latest;
    const nowMs = now();
    const woken = this.#woken.get(queue.id);
    const followUp = woken?.looks.shift();
    if (followUp !== undefined) this.#schedule.sooner(queue.id, followUp);
    else this.#woken.delete(queue.id);
    if (latest === undefined || this.#knowledge.get(queue.id)?.failure !== undefined) {
      return this.#schedule.sooner(queue.id, onGrid(nowMs + 1));
    }
    const cadence = { sample: latest.sample, poolsAtZero: queue.pools.every((key) => this.#isAtZero(key)), podStartMs };
    const next = nowMs + nextLookMs(cadence);
    if (!isAtRest(cadence)) {
      if (this.#atRest.delete(queue.id)) this.#eyes.get(queue.targetKey)?.unwatch(queue);
      // The nearest time of the grid: a look that is a few ms late must not skip the next one.
      return this.#schedule.sooner(queue.id, onGrid(next - TICK_MS / 2));
    }
    this.#schedule.sooner(queue.id, next);
    if (!this.#atRest.has(queue.id)) void this.#rest(queue);
  }

  #isAtZero(key: string): boolean {
    return (this.#options.pods(key)?.replicas ?? 0) === 0 && (this.#decider.desired(key) ?? 0) === 0;
  }

  /** Leaves the queue to wake-ups; a job that came before they were armed is seen by one more look. */
  async #rest(queue: WatchedQueue): Promise<void> {
    this.#atRest.add(queue.id);
    const armed = await this.#eyes.get(queue.targetKey)?.watch(queue, () => this.#wake(queue.id));
    if (armed !== undefined && this.#atRest.has(queue.id)) this.#lookSoon(queue.id);
  }

  #wake(id: string): void {
    if (!this.#topology.queues.has(id)) return;
    // While looks are planned a burst of news asks for no more: at most four looks a second and queue.
    if (this.#woken.has(id)) return;
    const nowMs = this.#options.now();
    this.#woken.set(id, { atMs: nowMs, told: false, looks: WAKE_FOLLOW_UPS_MS.map((afterMs) => nowMs + afterMs) });
    this.#lookSoon(id);
  }

  #lookSoon(id: string): void {
    this.#schedule.sooner(id, this.#options.now());
    this.#options.bell.ring();
  }

  async #readFinished(eye: RedisEye, queue: WatchedQueue): Promise<void> {
    const { id } = queue;
    if (this.#readingFinished.has(id) || this.#knowledge.get(id)?.finished !== undefined) return;
    this.#readingFinished.add(id);
    const finished = await eye.finished(queue);
    this.#readingFinished.delete(id);
    const known = this.#knowledge.get(id);
    if (known !== undefined && finished !== undefined) this.#knowledge.set(id, { ...known, finished });
  }
}
