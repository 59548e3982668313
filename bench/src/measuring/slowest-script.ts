import type { Redis } from 'ioredis';

/** The slowest script in Redis' own log, by the clock, ms; the log has to be on. */
export async function slowestScript(redis: Redis): Promise<number> {
  const entries = (await redis.slowlog('GET', 10_000)) as [id: number, at: number, us: number, words: string[]][];
  const scripts = entries.filter(([, , , [command = '']]) => command.toLowerCase().startsWith('eval'));
  return Math.max(0, ...scripts.map(([, , us]) => us)) / 1_000;
}
