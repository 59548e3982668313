import type { Redis } from 'ioredis';

/** By what a script of ours is told apart from BullMQ's: how many keys it has, and how the first of them ends. */
const SCRIPTS: Readonly<Record<string, readonly [keys: string, end: string]>> = {
  readFailed: ['1', ':poison:failed'],
  readDeadLetters: ['1', '-dlq:failed'],
  settleFailed: ['2', ':meta'],
  redriveLetters: ['3', ':meta'],
};

/** The slowest run of each script in Redis' log of slow commands, by the clock; 0: none was slow enough for the log. */
export async function slowestScriptsMs(redis: Redis): Promise<Record<string, number>> {
  const entries = (await redis.slowlog('GET', 10_000)) as [id: number, at: number, us: number, words: string[]][];
  return Object.fromEntries(
    Object.entries(SCRIPTS).map(([script, [keys, end]]) => {
      const runs = entries.filter(([, , , [command, , count, key]]) => {
        return /^eval(sha)?(_ro)?$/i.test(command ?? '') && count === keys && key?.endsWith(end);
      });
      return [script, Math.round(Math.max(0, ...runs.map(([, , us]) => us)) / 100) / 10];
    }),
  );
}
