import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import type { DeadLetterFence } from './dead-letter-fence.ts';
import type { RedisCall } from '../rounds/step.ts';
import { settleFailedJobs, type MoverOptions, type MoverRound } from './dead-letter-mover.ts';
import { deadLetterQueue } from './dead-letter-queue.ts';

/** What tests of dead letters share: queues that nobody has claimed, and no deadline. */
export const OPEN_FENCE: DeadLetterFence = { queueMark: '', deadLetterMark: '', untilMs: Number.MAX_SAFE_INTEGER };

export function callOn(redis: Redis): RedisCall {
  return (call) => call(redis);
}

export async function settle(redis: Redis, queue: QueueRef, options: Partial<MoverOptions> = {}): Promise<MoverRound> {
  return await settleFailedJobs(callOn(redis), queue, {
    maxRetries: 0,
    fence: OPEN_FENCE,
    random: Math.random,
    ...options,
  });
}

/** Ids of the dead letters, oldest first. */
export async function letterIds(redis: Redis, queue: QueueRef): Promise<string[]> {
  return await redis.zrange(queueKey(deadLetterQueue(queue), 'failed'), 0, '-1');
}

/** Puts a failed job as BullMQ leaves it. */
export async function putFailed(
  redis: Redis,
  queue: QueueRef,
  id: string,
  finishedOn: number,
  fields: Record<string, string | number> = {},
): Promise<void> {
  const job = { name: 'job', data: '{}', opts: '{}', timestamp: finishedOn - 300, failedReason: 'no', atm: 1, ats: 1 };
  await redis
    .pipeline()
    .hset(queueKey(queue, id), { ...job, finishedOn, ...fields })
    .zadd(queueKey(queue, 'failed'), finishedOn, id)
    .exec();
}
