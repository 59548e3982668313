import { once } from 'node:events';
import { openRedis, type PodRedis } from './open-redis.ts';

/**
 * Whether Redis lets a new process of this pod in: on a connection that is opened for this question, and closed after
 * it.
 *
 * @param deadlineMs for all of it
 */
export async function redisAnswers(target: PodRedis, deadlineMs: number): Promise<boolean> {
  const redis = openRedis(target);
  redis.on('error', () => undefined);
  const late = AbortSignal.timeout(deadlineMs);
  const tooLate = once(late, 'abort').then(() => false);
  try {
    // 'ready': it has taken the password, and holds its data
    if (redis.status !== 'ready') await Promise.race([once(redis, 'ready', { signal: late }), tooLate]);
    if (late.aborted) return false;
    return await Promise.race([redis.ping().then(() => true), tooLate]);
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
