import type { Redis } from 'ioredis';
import type { QueueRecord } from '@redis-queue/bullmq';

const COMMANDS_PER_PIPELINE = 200;

/**
 * Writes the same with plain commands in pipelines of 200, and nothing else: no check of anything, no job in one state
 * only, nothing to go on from.
 */
export async function writeBare(redis: Redis, queueKey: string, records: Iterable<QueueRecord[]>): Promise<void> {
  let commands: (string | number)[][] = [];
  const flush = async (): Promise<void> => {
    await redis.pipeline(commands).exec();
    commands = [];
  };
  for (const page of records)
    for (const record of page) {
      if (record.kind === 'job')
        commands.push(['hset', `${queueKey}:${record.id}`, ...Object.entries(record.hash).flat().map(String)]);
      if (record.kind === 'index')
        commands.push(
          record.state === 'waiting'
            ? ['lpush', `${queueKey}:wait`, ...record.entries.map(([id]) => id)]
            : ['zadd', `${queueKey}:${record.state}`, ...record.entries.flatMap(([id, score]) => [score ?? 0, id])],
        );
      // oxlint-disable-next-line no-await-in-loop -- one pipeline after the other
      if (commands.length >= COMMANDS_PER_PIPELINE) await flush();
    }
  await flush();
}
