import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';

/**
 * What tells whether a job has come in line, started or finished in a queue since the last look, even where none was
 * added and none is left: the ID of the newest event that says so.
 *
 * @returns undefined when there is none, or when it cannot be seen behind the events of removals.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function readLastRun(redis: Redis, queue: QueueRef): Promise<string | undefined> {
  const id = await runReadScript(redis, 'readLastRun', [queueKey(queue, 'meta')], []);
  if (id === null) return undefined;
  if (typeof id !== 'string') throw new UnexpectedReplyError('the newest event of a queue is none');
  return id;
}
