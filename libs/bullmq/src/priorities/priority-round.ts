import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import type { QueueRef } from '../redis/keys.ts';
import { takePacedTurns, whyNothing, type PacedWork, type RoundOptions } from '../rounds/paced-turns.ts';
import { clampPriorities, tryCountPriorities, type PriorityCounts } from './priorities.ts';
import { clampTo } from './declared.ts';
import { CALM_SHARE } from '../redis/pace.ts';

/** A queue with declared priorities. */
export interface PrioritizedQueue {
  readonly queue: QueueRef;
  /** Whose turns its steps count for: its namespace. Absent: all such queues are of one tenant. */
  readonly tenant?: string;
  /** The owner mark as stored: under another one nothing is moved. */
  readonly mark: string;
  /** At least one. */
  readonly priorities: readonly number[];
  /** Jobs without a declared priority are given one; else they are only counted. */
  readonly clamps: boolean;
}

/** What a round found and did for one queue. */
export interface PriorityResult {
  /** When the round began. Absent: they could not be read. */
  readonly counts?: PriorityCounts;
  /** Jobs that were given a declared priority. */
  readonly clamped: number;
  /** The round ended before all was done. The next one goes on with what it finds. */
  readonly unfinished: boolean;
  /** Somebody else changed the owner mark: nothing was moved since. */
  readonly ownershipLost?: true;
  /** Why the queue could not be read or its jobs not be moved. */
  readonly error?: Error;
}

/**
 * Counts the ready jobs of queues that lie in one Redis by priority, and gives a declared one to those of queues that
 * clamp: one step per queue in turn, at the pace of retention. Nothing is remembered between rounds.
 *
 * @returns one result per queue, in their order; what fails for one queue is its result.
 * @throws what `call` throws when Redis does not answer; see `classifyRedisError`.
 */
export async function priorityRound(
  queues: readonly PrioritizedQueue[],
  options: RoundOptions,
): Promise<PriorityResult[]> {
  const endMs = options.now() + options.roundMs;
  const found = await options.call((redis) => tryCountPriorities(redis, queues));
  const readAtMs = options.now();
  const works = queues.map((queue, index) => new PriorityWork(queue, found[index]!));
  const redisTimeMs = found.find((each): each is PriorityCounts => !(each instanceof Error))?.redisTimeMs;
  if (redisTimeMs !== undefined) await takePacedTurns(works, { redisTimeMs, readAtMs, endMs }, options);
  return works.map((work) => work.result());
}

class PriorityWork implements PacedWork {
  readonly tenant: string;
  readonly #queue: PrioritizedQueue;
  #hasWork: boolean;
  #result: Omit<PriorityResult, 'unfinished'>;

  constructor(queue: PrioritizedQueue, counts: PriorityCounts | Error) {
    this.#queue = queue;
    this.tenant = queue.tenant ?? '';
    const failed = counts instanceof Error;
    this.#result = { clamped: 0, ...(failed ? { error: counts } : { counts }) };
    this.#hasWork = !failed && queue.clamps && counts.withoutPriority + counts.undeclared > 0;
  }

  hasWork(): boolean {
    return this.#hasWork;
  }

  share(): number {
    return CALM_SHARE;
  }

  result(): PriorityResult {
    return { ...this.#result, unfinished: this.#hasWork };
  }

  fail(error: Error): void {
    this.#hasWork = false;
    this.#result = { ...this.#result, error };
  }

  async step(redis: Redis, untilMs: number): Promise<Milliseconds> {
    const { queue, mark, priorities } = this.#queue;
    const step = await clampPriorities(redis, queue, { mark, untilMs, clamping: clampTo(priorities) });
    this.#hasWork = step.more;
    const clamped = this.#result.clamped + step.withoutPriority + step.undeclared;
    this.#result = { ...this.#result, clamped, ...(step.outcome !== 'done' && whyNothing(step.outcome)) };
    return step.scriptMs;
  }
}
