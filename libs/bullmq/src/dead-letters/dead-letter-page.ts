import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import type { CompiledFilter, LetterFacts } from './filter.ts';
import { deadLetterQueue } from './dead-letter-queue.ts';

/** A dead letter as a redrive sees it. */
export interface DeadLetter extends LetterFacts {
  readonly id: string;
  readonly finishedOn: number;
  /** Id of the job that it was; absent: it is no dead letter of ours. */
  readonly origin?: string;
  /** The redrive that put the job back before it died again. */
  readonly redrive?: string;
}

/** The last letter that was read and is still there; its finishedOn says where to go on when it is gone by then. */
export interface LetterCursor {
  readonly id: string;
  readonly finishedOn: number;
}

export interface LetterPage {
  readonly redisTimeMs: number;
  readonly letters: readonly DeadLetter[];
  readonly more: boolean;
}

/** Per script call: 1 to 5 ms of Redis' time. */
export const LETTERS_PER_PAGE = 100;
/** Of a job; where the data is longer, a filter on it does not match. */
const LONGEST_DATA = 65_536;
const BYTES_PER_PAGE = 1_000_000;

/**
 * Reads dead letters in the order of finishedOn, within the filter's time range; with their data only if it asks for it.
 *
 * @param cursor the last letter that was read; absent: from the first.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function readLetters(
  redis: Redis,
  queue: QueueRef,
  { fromMs, toMs, readsData }: CompiledFilter,
  cursor?: LetterCursor,
): Promise<LetterPage> {
  const to = toMs === Infinity ? '+inf' : toMs;
  const args = [
    cursor?.id ?? '',
    Math.max(fromMs, cursor?.finishedOn ?? 0),
    to,
    LETTERS_PER_PAGE,
    readsData ? 1 : 0,
    LONGEST_DATA,
    BYTES_PER_PAGE,
  ];
  const reply = await runReadScript(redis, 'readDeadLetters', [queueKey(deadLetterQueue(queue), 'failed')], args);
  const { redisTimeMs, rows } = timedReply(reply);
  const [more, ...letters] = rows;
  return { redisTimeMs, letters: letters.map(parseLetter), more: more === 1 };
}

function parseLetter(row: unknown): DeadLetter {
  const [id, score, fields] = Array.isArray(row) ? (row as unknown[]) : [];
  if (typeof id !== 'string' || typeof score !== 'string' || Number.isNaN(Number(score)))
    throw new UnexpectedReplyError('a dead letter has no id or time');
  const [origin, redrive, name, failedReason, data] = Array.isArray(fields) ? (fields as (string | null)[]) : [];
  return {
    id,
    finishedOn: Number(score),
    name: name ?? '',
    failedReason: failedReason ?? '',
    ...(typeof origin === 'string' && { origin }),
    ...(typeof redrive === 'string' && { redrive }),
    ...(typeof data === 'string' && { data }),
  };
}
