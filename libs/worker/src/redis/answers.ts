import { once } from 'node:events';
import { openRedis, type PodRedis } from './open-redis.ts';

/**
 * Whether Redis lets a new process of this pod in, and serves all of the keys: on a connection that is opened for this
 * question, and closed after it. Of a Redis Cluster the nodes of the keys have to answer: another one says nothing about
 * them.
 *
 * @param deadlineMs for all of it
 */
export async function redisAnswers(target: PodRedis, keys: readonly string[], deadlineMs: number): Promise<boolean> {
  const redis = openRedis(target);
  redis.on('error', () => undefined);
  const late = once(AbortSignal.timeout(deadlineMs), 'abort').then(() => false);
  const serves = async (): Promise<boolean> => {
    // 'ready': it has taken the password, and holds its data
    if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
    return (await Promise.all(keys.map(async (key) => await answers(redis.exists(key))))).every(Boolean);
  };
  try {
    return await Promise.race([serves(), late]);
  } finally {
    redis.disconnect();
  }
}

/** A refusal for want of a right is an answer; that it loads its data, or runs a script, is not. */
async function answers(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    return error instanceof Error && error.message.startsWith('NOPERM');
  }
}
