import { compareFence, formatFence, SCHEMA_VERSION, type ScalingDecision } from '@redis-queue/scaling-bus';
import { wholeBetween } from '@redis-queue/simulator';

export interface ChaosPool {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
}

/** One message on the bus. `publish`: as the autoscaler sends it. `raw`: a job of its own that nothing deduplicates. */
export interface ChaosMessage {
  readonly decision: ScalingDecision;
  readonly way: 'publish' | 'raw';
  /** After which the bus delivers it. */
  readonly delayMs: number;
}

export const MAX_REPLICAS = 40;
/** Longer than what a killed consumer keeps locked (10 s), as the autoscaler's 15 s are. */
const EXPIRES_MS = 15_000;
const LONGEST_DELAY_MS = 3_000;
const SHARES = { expired: 0.1, late: 0.25, duplicated: 0.25, zombie: 0.05 } as const;

/**
 * Random decisions, and in which disorder they reach the bus. Records the result to expect: for each pool the newest
 * decision that does not expire. Pure except for its records; the same `random` gives the same.
 */
export class ChaosPlan {
  readonly #random: () => number;
  readonly #pools: readonly ChaosPool[];
  readonly #newest = new Map<string, ScalingDecision>();
  /** By pool and fence. */
  readonly #sizes = new Map<string, number>();
  readonly #expired = new Set<string>();
  #epoch: number;
  #formerEpoch: number;
  #sequence = 0;

  constructor(pools: readonly ChaosPool[], epoch: number, random: () => number) {
    this.#pools = pools;
    this.#random = random;
    this.#epoch = epoch;
    this.#formerEpoch = epoch - 1;
  }

  /** From here on another publisher leads; the one before goes on for a while, as if it had not noticed. */
  newEpoch(): void {
    this.#formerEpoch = this.#epoch;
    this.#epoch += 1;
  }

  /** The next decision, on any pool, and its messages. @param busNowMs the bus's Redis time. */
  next(busNowMs: number, currentReplicas: (pool: string) => number): ChaosMessage[] {
    const pool = this.#pools[wholeBetween(this.#random, 0, this.#pools.length - 1)]!;
    const drawn = this.#random();
    const expired = drawn < SHARES.expired;
    const late = !expired && drawn < SHARES.expired + SHARES.late;
    const epoch = this.#random() < SHARES.zombie ? this.#formerEpoch : this.#epoch;
    const desired = wholeBetween(this.#random, 0, MAX_REPLICAS);
    const decision = this.#decide(
      pool,
      epoch,
      desired,
      currentReplicas(pool.name),
      busNowMs,
      expired ? -1 : EXPIRES_MS,
    );
    if (expired) this.#expired.add(keyOf(pool.name, formatFence(decision)));
    else this.#noteNewest(decision);
    const delayMs = late ? wholeBetween(this.#random, 1, LONGEST_DELAY_MS) : 0;
    const first: ChaosMessage = { decision, way: expired || late ? 'raw' : 'publish', delayMs };
    if (this.#random() >= SHARES.duplicated) return [first];
    return [first, { decision, way: 'raw', delayMs: wholeBetween(this.#random, 0, LONGEST_DELAY_MS) }];
  }

  /**
   * The newest decision on a pool again, under a new number and with today's facts: what the autoscaler does every
   * tick.
   */
  again(pool: ChaosPool, busNowMs: number, currentReplicas: number): ScalingDecision {
    const desired = this.wanted(pool.name) ?? currentReplicas;
    const decision = this.#decide(pool, this.#epoch, desired, currentReplicas, busNowMs, EXPIRES_MS);
    this.#noteNewest(decision);
    return decision;
  }

  /** The size that the pool should end with; undefined before any decision. */
  wanted(pool: string): number | undefined {
    return this.#newest.get(pool)?.desiredReplicas;
  }

  /** The size that goes with this fence on this pool; undefined for a decision that was never made. */
  sizeOf(pool: string, fence: string): number | undefined {
    return this.#sizes.get(keyOf(pool, fence));
  }

  /** Whether the decision had expired before it came onto the bus. */
  hadExpired(pool: string, fence: string): boolean {
    return this.#expired.has(keyOf(pool, fence));
  }

  #decide(
    pool: ChaosPool,
    epoch: number,
    desiredReplicas: number,
    currentReplicas: number,
    busNowMs: number,
    expiresInMs: number,
  ): ScalingDecision {
    const sequence = ++this.#sequence;
    this.#sizes.set(keyOf(pool.name, formatFence({ epoch, sequence })), desiredReplicas);
    return {
      schemaVersion: SCHEMA_VERSION,
      pool: { namespace: pool.namespace, name: pool.name, uid: pool.uid, generation: pool.generation },
      epoch,
      sequence,
      sampledAt: busNowMs,
      expiresAt: busNowMs + expiresInMs,
      currentReplicas,
      desiredReplicas,
      reason: `chaos ${sequence}`,
      signals: [],
      confidence: 1,
    };
  }

  #noteNewest(decision: ScalingDecision): void {
    const newest = this.#newest.get(decision.pool.name);
    if (!newest || compareFence(decision, newest) > 0) this.#newest.set(decision.pool.name, decision);
  }
}

function keyOf(pool: string, fence: string): string {
  return `${pool} ${fence}`;
}
