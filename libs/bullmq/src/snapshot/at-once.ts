import { ProtocolError, timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { listIds, setEntries, type JobIndex } from './index-pages.ts';
import { listOf } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import type { IndexEntry } from './records.ts';

/** Indexes of a queue at one instant. */
export interface IndexesAtOnce {
  readonly redisTimeMs: number;
  /** By the suffix of the index; those of lists from the serving end on. */
  readonly entries: ReadonlyMap<string, readonly IndexEntry[]>;
}

/**
 * Reads indexes in one transaction, with Redis' time.
 *
 * @returns undefined when they are larger than a reply may be; the connection was closed by that.
 */
export async function readAtOnce(
  reads: QueueReads,
  indexes: readonly Pick<JobIndex, 'suffix' | 'isList'>[],
): Promise<IndexesAtOnce | undefined> {
  const transaction = reads.redis.multi().time();
  for (const { suffix, isList } of indexes) {
    if (isList) transaction.lrangeBuffer(reads.key(suffix), 0, -1);
    else transaction.zrangeBuffer(reads.key(suffix), 0, '-1', 'WITHSCORES');
  }
  let replies: [error: Error | null, result: unknown][] | null;
  try {
    replies = await reads.within(transaction.exec());
  } catch (error) {
    if (error instanceof ProtocolError && error.what.startsWith('it is larger')) return undefined;
    throw error;
  }
  const [[timeError, time] = [], ...rows] = replies ?? [];
  if (timeError) throw timeError;
  if (rows.length !== indexes.length) throw new UnexpectedReplyError('a transaction has other replies');
  const entries = new Map<string, readonly IndexEntry[]>();
  for (const [at, { suffix, isList }] of indexes.entries()) {
    const [error, elements] = rows[at]!;
    if (error) throw reads.named(suffix, error);
    const key = reads.key(suffix);
    const ids = isList
      ? listIds(listOf(elements), key).map((id): IndexEntry => [id])
      : setEntries(listOf(elements), key);
    entries.set(suffix, ids);
  }
  const [seconds, microseconds] = listOf(time).map(Number);
  return { redisTimeMs: timeOf(seconds! * 1_000 + Math.floor(microseconds! / 1_000)), entries };
}
