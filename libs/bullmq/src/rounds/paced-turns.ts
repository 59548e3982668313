import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import type { RedisCall, Refusal } from './step.ts';
import { FairTurns } from './fair-turns.ts';
import { isAnswer } from '../redis/reply.ts';
import { restMs } from '../redis/pace.ts';

/** How a round of work on the queues of one Redis goes. */
export interface RoundOptions {
  /** Runs calls of the Redis that all the queues lie in, each with a deadline. */
  readonly call: RedisCall;
  /** Ms of a clock that only goes forward. */
  readonly now: () => Milliseconds;
  /** Waits, at most until `signal` aborts. */
  readonly sleep: (ms: Milliseconds, signal: AbortSignal) => Promise<void>;
  /** 0 to 1: which queue is the first, so that over many rounds that end early all come first. */
  readonly random: () => number;
  /** After this the round begins no step. */
  readonly roundMs: Milliseconds;
  readonly signal: AbortSignal;
}

/** How long a step may wait in front of Redis before it does nothing. */
export const STEP_VALID_MS: Milliseconds = 10_000;
/** Of Redis, for a step whose time is not known, which the first one is after each start of Redis. */
export const USUAL_STEP_MS: Milliseconds = 1;

/** The work on one queue. */
export interface PacedWork {
  /** Whose turns its steps count for. */
  readonly tenant: string;
  /** There is something to do. */
  hasWork(): boolean;
  /** Share of Redis' time that its next step may take, 0 to 1. */
  share(): number;
  /**
   * Does one step, which does nothing later than `untilMs`, Unix ms by Redis' clock.
   * @returns Redis' time that it took; 0: not known.
   */
  step(redis: Redis, untilMs: number): Promise<Milliseconds>;
  /** Ends the work, because Redis has answered a step with `error`. */
  fail(error: Error): void;
}

/**
 * Does one step of each work in turn, tenants in turns, until none is left or the round ends, and rests after each step,
 * so that all of them together take their share of Redis' time.
 *
 * @param redisTimeMs what Redis' clock says at `readAtMs` of ours.
 * @throws what `call` throws when Redis does not answer; see `classifyRedisError`.
 */
export async function takePacedTurns(
  works: readonly PacedWork[],
  { redisTimeMs, readAtMs, endMs }: { redisTimeMs: number; readAtMs: Milliseconds; endMs: Milliseconds },
  { call, now, sleep, random, signal }: RoundOptions,
): Promise<void> {
  const first = Math.floor(random() * works.length);
  const open = new FairTurns([...works.slice(first), ...works.slice(0, first)].filter((work) => work.hasWork()));
  while (now() < endMs && !signal.aborted) {
    const work = open.next();
    if (!work) return;
    const untilMs = Math.round(redisTimeMs + now() - readAtMs + STEP_VALID_MS);
    let scriptMs = 0;
    try {
      // oxlint-disable-next-line no-await-in-loop -- in turn is the point
      scriptMs = await call((redis) => work.step(redis, untilMs));
    } catch (error) {
      if (!isAnswer(error)) throw error;
      work.fail(error);
    }
    if (work.hasWork()) open.push(work);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(restMs(scriptMs || USUAL_STEP_MS, work.share()), signal);
  }
}

/** Why a step did nothing. */
export function whyNothing(outcome: Refusal): { ownershipLost: true } | { error: Error } {
  if (outcome === 'ownershipLost') return { ownershipLost: true };
  return { error: new Error(`Redis began a step over ${STEP_VALID_MS} ms after it was planned, and did nothing`) };
}
