import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { runScriptAndTime, type ScriptName } from '../redis/scripts.ts';

/** What fences a step of work on a queue's jobs: it does nothing under another mark, or later than this. */
export interface StepFence {
  /** The owner mark as stored. */
  readonly mark: string;
  /**
   * Redis' time, Unix ms, after which nothing is done: a step may wait in the buffers of a Redis that hangs, while its
   * caller has long given up.
   */
  readonly untilMs: number;
}

/** Nothing was done: it was later than `untilMs`, or an owner mark is another one than was read. */
export type Refusal = 'late' | 'ownershipLost';

/** Runs one call on Redis. Who writes gives each a deadline, and begins none once it may not write any more. */
export type RedisCall = <T>(call: (redis: Redis) => Promise<T>) => Promise<T>;

/** When a process may not write any more. */
export interface WriteGuard {
  readonly signal: AbortSignal;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
}

/** A call that begins only while this process may write: asked as it begins, for before it may wait for its turn. */
export function whileLeading(call: RedisCall, { signal, assertLeading }: WriteGuard): RedisCall {
  return async (run) =>
    await call(async (redis) => {
      signal.throwIfAborted();
      assertLeading();
      return await run(redis);
    });
}

/** Anything but `done`: nothing was done. */
export type StepOutcome = 'done' | Refusal;

export interface Step {
  readonly outcome: StepOutcome;
  /** What the script replies between its outcome and its time. */
  readonly values: readonly unknown[];
  /**
   * How long Redis was busy with the step, by its own clock. 0: not known, when Redis was sent the script's text.
   */
  readonly scriptMs: Milliseconds;
}

/**
 * Runs a script that takes meta as its only key; the owner mark's field, the mark and the time of the fence as its first
 * arguments; and replies with an outcome, some values, and the time in us when it began.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function runStep(
  redis: Redis,
  queue: QueueRef,
  script: ScriptName,
  { mark, untilMs }: StepFence,
  args: readonly (string | number)[],
): Promise<Step> {
  const keys = [queueKey(queue, 'meta')];
  const { reply, ended } = await runScriptAndTime(redis, script, keys, [OWNER_FIELD, mark, untilMs, ...args]);
  const values = Array.isArray(reply) ? (reply as unknown[]) : [];
  const [outcome, began] = [values[0], values.at(-1)];
  if (outcome !== 'done' && outcome !== 'late' && outcome !== 'ownershipLost')
    throw new UnexpectedReplyError('the outcome of a step');
  return {
    outcome,
    values: values.slice(1, -1),
    scriptMs: ended === undefined ? 0 : Math.max(0, msOf(ended) - msOf(began)),
  };
}

function msOf(microseconds: unknown): Milliseconds {
  return timeOf(Number(microseconds) / 1_000);
}

/** @throws UnexpectedReplyError unless all of them are numbers. */
export function numbersOf(values: readonly unknown[]): number[] {
  const numbers = values.map(Number);
  if (!numbers.every(Number.isFinite)) throw new UnexpectedReplyError('a number of a step');
  return numbers;
}
