import type { Redis } from 'ioredis';
import { inBatches, queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from './owner-mark.ts';
import { timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import type { Sampled } from '../redis/sampled.ts';
import { runReadScript } from '../redis/scripts.ts';
import { splitWhenRefused } from '../connections/split.ts';

/** Whose a queue is, and what tells that something has happened in it. */
export interface MarkedQueue {
  /** Unix ms, by Redis' clock. */
  readonly redisTimeMs: number;
  /** The owner mark as `readQueuePolicy` gives it. */
  readonly rawOwnerMark?: string;
  readonly failed: number;
  /** Another text once jobs were added, started or finished; the same one may come again after thousands of events. */
  readonly activity: string;
}

/**
 * Reads the owner marks of queues of one Redis, ≤ 50 per script call.
 *
 * @returns one per queue, in their order; a queue that cannot be read has its error there, and costs nobody else theirs.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function tryReadMarks(redis: Redis, queues: readonly QueueRef[]): Promise<Sampled<MarkedQueue>[]> {
  const found = Array.from<Sampled<MarkedQueue>>({ length: queues.length });
  const readBatch = async (batch: readonly number[]): Promise<void> => {
    const keys = batch.map((index) => queueKey(queues[index]!, 'meta'));
    const { redisTimeMs, rows } = timedReply(await runReadScript(redis, 'readMarks', keys, [OWNER_FIELD]));
    batch.forEach((index, row) => {
      const queue = rows[row];
      found[index] = typeof queue === 'string' ? new Error(queue) : parseMarked(redisTimeMs, queue);
    });
  };
  await inBatches(queues, async (batch) => {
    await splitWhenRefused(batch, readBatch, (index, error) => (found[index] = error));
  });
  return found;
}

function parseMarked(redisTimeMs: number, row: unknown): Sampled<MarkedQueue> {
  const [mark, failed, events, added] = Array.isArray(row) ? (row as unknown[]) : [];
  const isMark = mark === null || typeof mark === 'string';
  if (!isMark || !Number.isSafeInteger(failed) || !Number.isSafeInteger(events))
    return new UnexpectedReplyError('the owner mark of a queue is none');
  return {
    redisTimeMs,
    ...(mark && { rawOwnerMark: mark }),
    failed: failed as number,
    activity: `${String(events)} ${String(added)}`,
  };
}
