import type { Redis } from 'ioredis';
import { queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runScript } from '../redis/scripts.ts';
import type { StepOptions } from './abandon-restore.ts';
import { RESTORE_FIELD, RestoreLostError } from '../ownership/restore-mark.ts';

/** Read per command: parents, and of one of them children. */
const PAGE = 200;

/**
 * Settles what restored flow parents wait for. Queues of a flow are read one after the other, so a child may be over, or
 * absent, that its parent waits for: nobody would ever release it. A child that is absent is one that was removed: the
 * parent does not wait for it. One that is over does for the parent what it would have done at its end. Idempotent.
 *
 * Bounded: reads parents and children by the hundred.
 *
 * @returns parents that were released.
 */
export async function settleFlows(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  { beforeStep }: StepOptions = {},
): Promise<number> {
  let released = 0;
  for await (const parents of pages((cursor) =>
    redis.zscan(queueKey(target, 'waiting-children'), cursor, 'COUNT', PAGE),
  )) {
    beforeStep?.();
    const ids = parents.filter((_, at) => at % 2 === 0);
    const waitsFor = await exec(
      redis,
      ids.map((id) => ['scard', queueKey(target, `${id}:dependencies`)]),
    );
    for (const [at, id] of ids.entries())
      if ((waitsFor[at] === 0 ? await settle(id, '') : await settleChildren(id)) === 'released') released++;
  }
  return released;

  async function settleChildren(id: string): Promise<string> {
    const dependencies = queueKey(target, `${id}:dependencies`);
    for await (const children of pages((cursor) => redis.sscan(dependencies, cursor, 'COUNT', PAGE))) {
      const finished = await exec(
        redis,
        children.map((key) => ['hmget', key, 'name', 'finishedOn']),
      );
      for (const [at, child] of children.entries()) {
        const [name, finishedOn] = finished[at] as (string | null)[];
        const isUnfinished = name !== null && finishedOn === null;
        if (!isUnfinished && (await settle(id, child)) === 'released') return 'released';
      }
    }
    return 'settled';
  }

  async function settle(parent: string, child: string): Promise<string> {
    beforeStep?.();
    const args = [RESTORE_FIELD, restoreId, parent, child];
    const outcome = await runScript(redis, 'settleRestoredParent', [queueKey(target, 'meta')], args);
    if (outcome === 'lost') throw new RestoreLostError(queueId(target), restoreId);
    if (typeof outcome !== 'string') throw new UnexpectedReplyError('the outcome of a flow');
    return outcome;
  }
}

/** Each page of a SCAN command's reply. */
export async function* pages<T>(
  scan: (cursor: string) => Promise<[cursor: string, elements: T[]]>,
): AsyncGenerator<T[]> {
  let cursor = '0';
  do {
    // oxlint-disable-next-line no-await-in-loop -- each answer says where to go on
    const [next, elements] = await scan(cursor);
    if (elements.length > 0) yield elements;
    cursor = next;
  } while (cursor !== '0');
}

/** @throws the error of the first command that failed. */
export async function exec(redis: Redis, commands: (string | number)[][]): Promise<unknown[]> {
  if (commands.length === 0) return [];
  const replies = (await redis.pipeline(commands).exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
