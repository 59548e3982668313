import type { Queue, QueueReason } from '@redis-queue/api';
import { deadLetterQueue, isAnswer, readQueuePolicy, sampleQueues, type RedisConnections } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import type { ObservedDeadLetters } from './dead-letter-steps.ts';

/**
 * Reads the dead-letter queue, and of a Queue that is being deleted how many jobs lie there. A key of another type there is
 * no trouble of the queue itself, unless the data of both is to be removed.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function readDeadLetters(
  queue: Queue,
  redis: ReturnType<RedisConnections['get']>,
  problemOf: (error: unknown) => Problem<QueueReason>,
): Promise<ObservedDeadLetters> {
  const ref = deadLetterQueue(queueRef(queue));
  const deleted = queue.metadata.deletionTimestamp !== undefined;
  try {
    const [policy, [sample]] = await Promise.all([
      readQueuePolicy(redis, ref),
      deleted ? sampleQueues(redis, [ref]) : [undefined],
    ]);
    return { policy, ...(sample && { sample }) };
  } catch (error) {
    if (deleted || !isAnswer(error)) throw error;
    return { problem: problemOf(error) };
  }
}
