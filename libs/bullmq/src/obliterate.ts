import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from './keys.ts';
import { withQueue } from './policy.ts';

/**
 * - `done`: nothing of the queue is left.
 * - `more`: call again.
 * - `activeJobs`: workers run jobs, and force was not asked for; the queue is paused, nothing was removed.
 * - `waitingChildren`: flow parents wait for children in other queues, and force was not asked for.
 */
export type ObliterateResult = 'done' | 'more' | 'activeJobs' | 'waitingChildren';

/** Jobs removed per call, so that a call blocks Redis for a few milliseconds only. */
export const JOBS_PER_STEP = 1_000;
/** Flow parents are removed one by one. */
const PARENTS_PER_STEP = 100;

/** What BullMQ's own script leaves behind or no longer knows. */
const LEFT_BEHIND = ['limiter', 'priority', 'waiting-children'] as const;

/**
 * Removes up to 1,000 jobs of a queue, and with the last of them the queue's own keys, its owner mark included. Pauses
 * the queue first. Safe to repeat and to interrupt anywhere.
 */
export async function obliterateStep(
  redis: Redis,
  queue: QueueRef,
  options: { force: boolean },
): Promise<ObliterateResult> {
  const key = (suffix: string): string => queueKey(queue, suffix);
  const [active, parents] = await Promise.all([redis.llen(key('active')), redis.zcard(key('waiting-children'))]);
  return withQueue(redis, queue, async (client) => {
    await client.pause();
    if (!options.force && active > 0) return 'activeJobs';
    if (parents > 0) {
      if (!options.force) return 'waitingChildren';
      const ids = await redis.zrange(key('waiting-children'), 0, PARENTS_PER_STEP - 1);
      for (const id of ids) await client.remove(id, { removeChildren: false });
      await redis.zrem(key('waiting-children'), ...ids);
      return 'more';
    }
    // This comes before the last step, which removes the owner mark: after that step nobody calls again.
    await redis.unlink(...LEFT_BEHIND.map(key));
    const left = await client.getBackend().obliterate({ force: options.force, count: JOBS_PER_STEP });
    return left === 0 ? 'done' : 'more';
  });
}
