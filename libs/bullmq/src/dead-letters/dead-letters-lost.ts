import { isCount } from '../redis/reply.ts';
import type { QueueRef } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';
import { fenceArguments, parseOutcome, type DeadLetterFence } from './dead-letter-fence.ts';
import type { RedisCall, Refusal } from '../rounds/step.ts';
import { metaKeys } from './dead-letter-queue.ts';

export interface LostLetters {
  /** Jobs known to be lost since the first call for this queue. */
  readonly lost: number;
  /** Events went by unread at some time: there may be more. */
  readonly atLeast: boolean;
  /** Unix ms, by Redis' clock. */
  readonly redisTimeMs: number;
  /** When the last of them was found to be lost, by the same clock. Absent: none is. */
  readonly lastMs?: number;
}

/** The fields of `meta` of a dead-letter queue that say how far the events were read, and what was counted. */
export const LOST_FIELDS = [
  'redis-queue:lost-after',
  'redis-queue:lost',
  'redis-queue:lost-unread',
  'redis-queue:lost-at',
] as const;

/** Per call: about 1 ms of Redis' time. */
const EVENTS_PER_CALL = 500;

/**
 * Counts the jobs that failed for good and that `removeOnFail` removed before they could become dead letters. Redis keeps
 * nothing of such a job but its event, so the count is a lower bound:
 *
 * - Of the events since the last call the newest 500 are read, and BullMQ keeps some 10,000: call it every few seconds.
 * - Whoever cleans the queue by hand, and removes failed jobs without an event, is counted too.
 * - A job whose id was added again is not.
 *
 * How far the events were read and the count lie in `meta` of the dead-letter queue, written in the step that counts.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function countLostLetters(
  call: RedisCall,
  queue: QueueRef,
  fence: DeadLetterFence,
): Promise<LostLetters | Refusal> {
  const args = [...fenceArguments(fence), EVENTS_PER_CALL];
  const outcome = parseOutcome(await call((redis) => runScript(redis, 'countLostLetters', metaKeys(queue), args)), 4);
  if (typeof outcome === 'string') return outcome;
  const [found, unread, redisTimeMs, lastMs] = outcome[0] as [number, number, number, number];
  const lost = isCount(found) ? found : 0;
  return { lost, atLeast: unread === 1, redisTimeMs, ...(lastMs > 0 && { lastMs }) };
}
