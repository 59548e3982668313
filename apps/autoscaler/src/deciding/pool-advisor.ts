import type { PodUsageReport, UsagePlace } from '@redis-queue/bullmq';
import {
  advise,
  ENOUGH,
  learnUsage,
  noUsage,
  steadyAdvice,
  type Evidence,
  type GivenAdvice,
  type PoolAdvice,
  type UsageHistory,
} from '@redis-queue/scaling';
import type { StuckPod } from '@redis-queue/scaling-bus';
import type { ScaledPool, WatchedQueue } from '../watching/topology.ts';
import { learnStuckHandlers, NO_STUCK_HANDLERS, type StuckHandlers } from './stuck-handlers.ts';

export interface AdvisorOptions {
  /** Reads the usage that pods of pools on one Redis reported; undefined when it cannot be read. */
  readonly read: (targetKey: string, places: readonly UsagePlace[]) => Promise<PodUsageReport[][] | undefined>;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** How much has to be measured before advice is given. */
  readonly enough?: Evidence;
  readonly readEveryMs?: number;
}

interface PoolUsage {
  readonly uid: string;
  nextReadMs: number;
  /** Reads in a row that found nothing: workers of another library report nothing. */
  empty: number;
  usage: UsageHistory;
  stuck: StuckHandlers;
  /** The least level that the pods of a version said they keep. */
  contract?: { readonly version: string; readonly level: number };
  given?: GivenAdvice;
}

const READ_EVERY_MS = 60_000;
/** How often pools whose pods report nothing are read. */
const SILENT_MS = 600_000;
const SILENT_AFTER = 5;
/** Pools per call: with one call per second and Redis, thousands of pools are still read about once a minute. */
const POOLS_PER_READ = 50;

/**
 * Reads what the pods of pools use, advises on their concurrency and resources, and knows which of them have handlers
 * that are stuck. What it knows is lost with the process.
 */
export class PoolAdvisor {
  readonly #options: AdvisorOptions;
  readonly #pools = new Map<string, PoolUsage>();

  constructor(options: AdvisorOptions) {
    this.#options = options;
  }

  /** Starts the reads that are due, of pools that have pods; call it every tick. Resolves when they are done. */
  async readDue(
    pools: Iterable<ScaledPool>,
    queues: ReadonlyMap<string, WatchedQueue>,
    hasPods: (poolKey: string) => boolean,
  ): Promise<void> {
    const { now, read } = this.#options;
    const nowMs = now();
    const due = Map.groupBy(this.#due(pools, queues, hasPods, nowMs), ({ targetKey }) => targetKey);
    await Promise.all(
      [...due].map(async ([targetKey, all]) => {
        const batch = all.slice(0, POOLS_PER_READ);
        for (const { known } of batch) known.nextReadMs = nowMs + this.#interval(known);
        const reports = await read(
          targetKey,
          batch.map(({ place }) => place),
        );
        if (reports !== undefined) batch.forEach(({ pool }, index) => this.#learn(pool, reports[index] ?? []));
      }),
    );
  }

  /** The advice on the pool's spec as it is now; undefined while too little is known. */
  advice(pool: ScaledPool): PoolAdvice | undefined {
    const known = this.#pools.get(pool.key);
    if (known === undefined || known.uid !== pool.uid || known.usage.measuredMs === 0) return undefined;
    if (known.given?.generation !== pool.generation) this.#advise(pool, known);
    return known.given?.advice;
  }

  /** The level of the pod contract that the pods of the spec's version say they keep; undefined: they say none. */
  contractLevel({ key, uid, advised }: ScaledPool): number | undefined {
    const known = this.#pools.get(key);
    return known?.uid === uid && known.contract?.version === advised.version ? known.contract.level : undefined;
  }

  /** The pods with handlers that are stuck, as they said last; undefined: there are none. */
  stuckPods(pool: ScaledPool): readonly StuckPod[] | undefined {
    const known = this.#pools.get(pool.key);
    return known?.uid === pool.uid ? known.stuck.pods : undefined;
  }

  forget(pool: ScaledPool): void {
    this.#pools.delete(pool.key);
  }

  *#due(
    pools: Iterable<ScaledPool>,
    queues: ReadonlyMap<string, WatchedQueue>,
    hasPods: (poolKey: string) => boolean,
    nowMs: number,
  ): Generator<{ pool: ScaledPool; known: PoolUsage; targetKey: string; place: UsagePlace }> {
    for (const pool of pools) {
      const [first] = pool.queues;
      const queue = first !== undefined && 'id' in first ? queues.get(first.id) : undefined;
      if (queue === undefined || !hasPods(pool.key)) continue;
      const known = this.#known(pool);
      if (known.nextReadMs > nowMs) continue;
      const place = { queue: queue.ref, namespace: pool.namespace, pool: pool.name };
      yield { pool, known, targetKey: queue.targetKey, place };
    }
  }

  #interval({ empty }: PoolUsage): number {
    return empty >= SILENT_AFTER ? SILENT_MS : (this.#options.readEveryMs ?? READ_EVERY_MS);
  }

  #learn(pool: ScaledPool, reports: readonly PodUsageReport[]): void {
    const known = this.#pools.get(pool.key);
    if (known === undefined) return; // Gone meanwhile.
    known.empty = reports.length === 0 ? known.empty + 1 : 0;
    known.stuck = learnStuckHandlers(known.stuck, reports);
    const { version } = pool.advised;
    const levels = reports.flatMap(({ version: of, contract }) => (of === version && contract ? [contract] : []));
    if (levels.length > 0) known.contract = { version, level: Math.floor(Math.min(...levels)) };
    known.usage = learnUsage(known.usage, reports, pool.advised);
    this.#advise(pool, known);
  }

  #advise(pool: ScaledPool, known: PoolUsage): void {
    const { enough = ENOUGH, now } = this.#options;
    const advice = advise(known.usage, pool.advised, enough);
    if (advice === undefined) delete known.given;
    else known.given = steadyAdvice(known.given, advice, pool.generation, now());
  }

  /** A pool that was deleted and created again is another pool. */
  #known(pool: ScaledPool): PoolUsage {
    const known = this.#pools.get(pool.key);
    if (known?.uid === pool.uid) return known;
    const fresh = {
      uid: pool.uid,
      nextReadMs: -Infinity,
      empty: 0,
      usage: noUsage(pool.advised),
      stuck: NO_STUCK_HANDLERS,
    };
    this.#pools.set(pool.key, fresh);
    return fresh;
  }
}
