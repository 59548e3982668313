import { FairTokens } from '@redis-queue/controller';
import {
  decide,
  initialState,
  isSeen,
  type PolicyState,
  type PoolObservation,
  type QueueObservation,
} from '@redis-queue/scaling';
import type { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import type { BusyPods } from '../publishing/busy-pods.ts';
import type { EpochPublisher } from '../publishing/epoch-publisher.ts';
import type { PoolFacts } from '../publishing/pool-facts.ts';
import { isWorthPublishing, type Published } from '../publishing/publish-pace.ts';
import type { ScaledPool } from '../watching/topology.ts';

interface PoolMemory {
  readonly uid: string;
  state: PolicyState;
  desired: number;
  decidedAtMs: number;
  published?: Published;
}

export interface DeciderOptions {
  readonly publisher: () => EpochPublisher | undefined;
  /** Which pods run the pool's jobs now; asked before each decision that shrinks the pool. */
  readonly busyPods: (pool: ScaledPool) => Promise<BusyPods | undefined>;
  /** What there is to say of the pool beside its size. */
  readonly facts?: (pool: ScaledPool) => PoolFacts;
  readonly metrics: AutoscalerMetrics;
  readonly now: () => number;
  readonly onPublishFailure: (error: unknown) => void;
  readonly onPublished: () => void;
}

/**
 * Decisions per second that change no size, over all pools, in equal parts for the namespaces that have some; a fraction
 * of what the consumer can handle. After a takeover or an outage every pool has something to report at once, and a size
 * that has to change must not wait behind thousands of reports. What is refused is published with the pool's next
 * decision.
 */
const UNCHANGED_PER_SECOND = 200;

/**
 * Decides the sizes of pools and publishes the decisions that are worth it. Holds each pool's policy state, and nothing
 * that a crash could lose for good.
 */
export class PoolDecider {
  readonly #pools = new Map<string, PoolMemory>();
  readonly #unchanged: FairTokens;
  readonly #options: DeciderOptions;

  constructor(options: DeciderOptions) {
    this.#options = options;
    this.#unchanged = new FairTokens(UNCHANGED_PER_SECOND, options.now);
  }

  /** The size last decided; undefined before the first decision. */
  desired(key: string): number | undefined {
    return this.#pools.get(key)?.desired;
  }

  /** How long ago the pool's last decision was made, ms. */
  sinceDecidedMs(key: string): number {
    return this.#options.now() - (this.#pools.get(key)?.decidedAtMs ?? -Infinity);
  }

  /** Decides the pool's size. @returns true once a change of size is on the bus, false when none was sent. */
  async decide(pool: ScaledPool, observation: PoolObservation): Promise<boolean> {
    const { now, metrics, publisher, busyPods, onPublishFailure, onPublished } = this.#options;
    const { currentReplicas } = observation;
    const nowMs = now();
    const memory = this.#memoryOf(pool, currentReplicas, nowMs);
    const { decision, state } = decide(pool.view, memory.state, observation, nowMs);
    Object.assign(memory, { state, desired: decision.desired, decidedAtMs: nowMs });
    metrics.decided(pool, decision);
    const facts = this.#options.facts?.(pool);
    const next: Published = { atMs: nowMs, decision, generation: pool.generation, ...facts };
    const bus = publisher();
    if (bus === undefined) return false;
    const behind = decision.desired !== currentReplicas && bus.isBehind(nowMs);
    if (!isWorthPublishing(memory.published, next, currentReplicas, behind)) return false;
    if (decision.desired === currentReplicas && !this.#unchanged.take(pool.namespace)) return false;
    const before = memory.published;
    memory.published = next;
    try {
      const busy = decision.desired < currentReplicas ? await busyPods(pool) : undefined;
      // What was decided meanwhile is newer and must not get the lower sequence.
      if (memory.published !== next) return false;
      const sampledAtMs = newestSampleMs(observation.queues, nowMs);
      await bus.publish({ pool, currentReplicas, decision, busy, ...facts }, sampledAtMs, now());
      metrics.published('ok');
      onPublished();
      return decision.desired !== currentReplicas;
    } catch (error) {
      // It was not published, so the next tick publishes it, unless a newer one was published meanwhile.
      if (memory.published === next && before === undefined) delete memory.published;
      else if (memory.published === next && before !== undefined) memory.published = before;
      metrics.published('failed');
      onPublishFailure(error);
      return false;
    }
  }

  forget(pool: ScaledPool): void {
    this.#pools.delete(pool.key);
    this.#options.metrics.forget(pool);
  }

  /** A pool that was deleted and created again is another pool. */
  #memoryOf(pool: ScaledPool, currentReplicas: number, nowMs: number): PoolMemory {
    const known = this.#pools.get(pool.key);
    if (known?.uid === pool.uid) return known;
    const fresh: PoolMemory = {
      uid: pool.uid,
      state: initialState(nowMs),
      desired: currentReplicas,
      decidedAtMs: nowMs,
    };
    this.#pools.set(pool.key, fresh);
    return fresh;
  }
}

function newestSampleMs(queues: readonly QueueObservation[], nowMs: number): number {
  const times = queues.filter(isSeen).map(({ sampledAtMs }) => sampledAtMs);
  return times.length === 0 ? nowMs : Math.max(...times);
}
