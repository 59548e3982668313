import type { Redis } from 'ioredis';

/** How many jobs of a queue have finished: of all that were ever added, those that neither wait nor run. */
export async function finishedJobs(redis: Redis, queue: string): Promise<number> {
  const keys = ['id', 'wait', 'active'].map((suffix) => `bull:${queue}:${suffix}`);
  return Number(
    await redis.eval(
      "return (redis.call('GET', KEYS[1]) or 0) - redis.call('LLEN', KEYS[2]) - redis.call('LLEN', KEYS[3])",
      keys.length,
      ...keys,
    ),
  );
}
