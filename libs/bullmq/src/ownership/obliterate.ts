import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from './owner-mark.ts';
import { CLAIMS_FIELD, MAX_CLAIM_TTL_MS, MAX_CLAIMS } from './queue-claims.ts';
import { runScript } from '../redis/scripts.ts';

/**
 * - `done`: nothing of the queue is left.
 * - `more`: call again.
 * - `late`: it is later than `untilMs`.
 * - `ownershipLost`: the owner mark is another one, or gone.
 * - `claimed`: another than the owner has a claim that stands; see `leaveClaim`.
 * - `unfinishedJobs`, `activeJobs`, `waitingChildren`: jobs that `stopAt` protects; the last are flow parents.
 *
 * Nothing was removed in this round unless it is `done` or `more`.
 */
export type ObliterateOutcome =
  'done' | 'more' | 'late' | 'ownershipLost' | 'claimed' | 'unfinishedJobs' | 'activeJobs' | 'waitingChildren';

export interface ObliterateRound {
  readonly outcome: ObliterateOutcome;
  /** Jobs removed in this round. */
  readonly removed: number;
  /** Jobs that are left to remove; or, of a removal that was stopped, the jobs that stopped it. */
  readonly left: number;
}

export interface ObliterateOptions {
  readonly mark: string;
  readonly stopAt: 'unfinished' | 'busy' | 'nothing';
  readonly untilMs: number;
  readonly owner?: string | undefined;
  readonly ignoredClaims?: readonly string[] | undefined;
}

/** Jobs removed per round: about 3 ms of Redis' time, so that nobody waits long behind it. */
export const JOBS_PER_ROUND = 500;

/**
 * One round of removing a queue: up to 500 jobs or 16 MB of their data, and with the last of them the queue's own keys, its owner mark
 * included. The mark and the jobs that stop it are checked in the script that removes, so that nothing comes between them.
 * Safe to repeat and to interrupt anywhere. A job whose key holds another type than BullMQ gives it goes like any other.
 *
 * @param options.mark the owner mark as stored. It should be unique to this removal, so that a round that arrives late
 * meets another one.
 * @param options.stopAt which jobs are not to be removed: any but completed ones, those that run or wait for children, or
 * none.
 * @param options.untilMs Redis' time, Unix ms, after which nothing is removed: a round may wait in the buffers of a Redis
 * that hangs, while its caller has long given up.
 * @param options.owner whose removal it is: the claim of another stops it. Absent: no claim does.
 * @param options.ignoredClaims the `stored` text of claims that do not count.
 * @throws what ioredis throws; see `classifyRedisError`. Jobs before the one that Redis refuses to remove are gone then,
 * and no longer listed.
 */
export async function obliterateRound(
  redis: Redis,
  queue: QueueRef,
  { mark, stopAt, untilMs, owner = '', ignoredClaims = [] }: ObliterateOptions,
): Promise<ObliterateRound> {
  const claims = [owner, CLAIMS_FIELD, MAX_CLAIM_TTL_MS, MAX_CLAIMS, ...ignoredClaims];
  const args = [OWNER_FIELD, mark, JOBS_PER_ROUND, stopAt, untilMs, ...claims];
  const reply = await runScript(redis, 'obliterateQueue', [queueKey(queue, 'meta')], args);
  const [outcome, removed, left] = reply as [ObliterateOutcome, number, number];
  return { outcome, removed, left };
}

/**
 * Whether workers are connected to the queue, or were until a moment ago: each of them searches for stalled jobs every 30
 * s, or as it is set, and notes that in a key that expires by then. One that stays connected when the queue is removed
 * writes a field of its `meta` again.
 */
export async function hasWorkers(redis: Redis, queue: QueueRef): Promise<boolean> {
  return (await redis.exists(queueKey(queue, 'stalled-check'))) > 0;
}
