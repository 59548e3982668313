import { FairTokens } from '@redis-queue/controller';
import {
  decide,
  initialState,
  isSeen,
  type Decision,
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
  /** How many pods ran jobs when it was last asked; absent: it could not be read. */
  busy?: { readonly askedAtMs: number; readonly pods?: number };
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
/** Of a pool whose jobs may outlast a drain, how often it is asked which pods run some while fewer pods would do. */
const ASK_BUSY_EVERY_MS = 5_000;

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
    const { now, metrics, publisher, onPublishFailure, onPublished } = this.#options;
    const { currentReplicas } = observation;
    const nowMs = now();
    const memory = this.#memoryOf(pool, currentReplicas, nowMs);
    const before = memory.state;
    const first = decide(pool.view, before, observation, nowMs);
    Object.assign(memory, { state: first.state, desired: first.decision.desired, decidedAtMs: nowMs });
    const isHeld = first.decision.heldBy === 'LongJobs';
    if (isHeld) await this.#askBusy(pool, memory, nowMs);
    // What was decided meanwhile is newer.
    if (memory.state !== first.state) return false;
    const busyPods = memory.busy?.pods;
    const { decision, state } =
      isHeld && busyPods !== undefined ? decide(pool.view, before, { ...observation, busyPods }, nowMs) : first;
    Object.assign(memory, { state, desired: decision.desired });
    metrics.decided(pool, decision);
    const facts = this.#options.facts?.(pool);
    const next: Published = { atMs: nowMs, decision, generation: pool.generation, ...facts };
    const bus = publisher();
    if (bus === undefined) return false;
    const behind = decision.desired !== currentReplicas && bus.isBehind(nowMs);
    if (!isWorthPublishing(memory.published, next, currentReplicas, behind)) return false;
    if (decision.desired === currentReplicas && !this.#unchanged.take(pool.namespace)) return false;
    const publishedBefore = memory.published;
    memory.published = next;
    // It was not published, so the next tick publishes it, unless a newer one was published meanwhile.
    const restore = (): void => {
      if (memory.published !== next) return;
      if (publishedBefore === undefined) delete memory.published;
      else memory.published = publishedBefore;
    };
    try {
      const shrinks = decision.desired < currentReplicas;
      const busy = shrinks ? await this.#options.busyPods(pool) : undefined;
      // What was decided meanwhile is newer and must not get the lower sequence.
      if (memory.published !== next) return false;
      if (shrinks && isHeld && !keepsBusy(decision, busy)) {
        delete memory.busy;
        restore();
        return false;
      }
      const sampledAtMs = newestSampleMs(observation.queues, nowMs);
      await bus.publish({ pool, currentReplicas, decision, busy, ...facts }, sampledAtMs, now());
      metrics.published('ok');
      onPublished();
      return decision.desired !== currentReplicas;
    } catch (error) {
      restore();
      metrics.published('failed');
      onPublishFailure(error);
      return false;
    }
  }

  /** Asks how many pods run jobs: where the pool could shrink, but its jobs may outlast a drain. */
  async #askBusy(pool: ScaledPool, memory: PoolMemory, nowMs: number): Promise<void> {
    if (nowMs - (memory.busy?.askedAtMs ?? -Infinity) < ASK_BUSY_EVERY_MS) return;
    memory.busy = { ...memory.busy, askedAtMs: nowMs };
    const busy = await this.#options.busyPods(pool);
    memory.busy = { askedAtMs: nowMs, ...(busy && { pods: Object.keys(busy).length }) };
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

/** Whether as many pods stay as run jobs now. */
function keepsBusy({ desired }: Decision, busy: BusyPods | undefined): boolean {
  return busy !== undefined && Object.keys(busy).length <= desired;
}

function newestSampleMs(queues: readonly QueueObservation[], nowMs: number): number {
  const times = queues.filter(isSeen).map(({ sampledAtMs }) => sampledAtMs);
  return times.length === 0 ? nowMs : Math.max(...times);
}
