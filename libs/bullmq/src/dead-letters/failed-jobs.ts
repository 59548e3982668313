import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import type { Backoff } from './backoff.ts';
import type { FailedJob } from './decide.ts';

/** Failed jobs of a queue; `unreadable` is what is listed as one and is none. */
export interface FailedPage {
  readonly redisTimeMs: number;
  /** All failed jobs of the queue. */
  readonly failed: number;
  /** Each with its `atm` as stored, for the script that acts to compare. */
  readonly jobs: readonly { readonly id: string; readonly job: (FailedJob & { atm: string }) | 'unreadable' }[];
}

/** Per script call: about 1 ms of Redis' time, 2 ms with as many stack traces as are read. */
export const FAILED_PER_PAGE = 100;
/** Of stack traces, per script call. */
const BYTES_PER_PAGE = 262_144;

/** The reason of a job whose runs stalled more often than its workers allow. */
const STALLED = /^job stalled more than allowable limit/;
/** That of a job which has started as often as its workers allow: they would fail it again at once. */
const STARTED_TOO_OFTEN = /^job started more than allowable limit/;

/**
 * Reads a page of the failed jobs: fewer than asked for when they carry long stack traces, and at least one of those
 * there are.
 *
 * @param first rank of the first, oldest first; `newest`: the newest, newest first.
 * @param most how many, at most 100.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function readFailedPage(
  redis: Redis,
  queue: QueueRef,
  first: number | 'newest',
  most: number = FAILED_PER_PAGE,
): Promise<FailedPage> {
  const args = [first === 'newest' ? -1 : first, most, BYTES_PER_PAGE];
  const reply = await runReadScript(redis, 'readFailed', [queueKey(queue, 'failed')], args);
  const { redisTimeMs, rows } = timedReply(reply);
  const [failed, ...jobs] = rows;
  if (!Number.isSafeInteger(failed)) throw new UnexpectedReplyError('the number of failed jobs is none');
  return { redisTimeMs, failed: failed as number, jobs: jobs.map(parseJob) };
}

type Text = string | null;

function parseJob(row: unknown): FailedPage['jobs'][number] {
  const [id, score, fields] = Array.isArray(row) ? (row as unknown[]) : [];
  if (typeof id !== 'string') throw new UnexpectedReplyError('a failed job has no id');
  if (!Array.isArray(fields)) return { id, job: 'unreadable' };
  const [finishedOn, atm, retries, also, reason, stackStart, stackEnd, opts] = fields as Text[];
  // A hash of another kind; or a dead letter, as somebody takes a dead-letter queue for one that has its own.
  if (also === 'letter' || finishedOn !== score || !Number.isSafeInteger(Number(finishedOn)))
    return { id, job: 'unreadable' };
  const failedReason = reason ?? '';
  const unrecoverable =
    STARTED_TOO_OFTEN.test(failedReason) || endedUnrecoverably(stackStart ?? '', stackEnd ?? '', failedReason);
  return {
    id,
    job: {
      id,
      finishedOn: Number(finishedOn),
      atm: atm ?? '',
      attemptsMade: count(atm),
      retries: count(retries),
      ...parseOptions(opts),
      ...((also === 'child' || also === 'parent') && { flow: also }),
      unrecoverable,
      stalled: STALLED.test(failedReason),
    },
  };
}

/**
 * By the name of the error: at the beginning of JavaScript's stack traces, in the last line of Python's; or by the
 * message that BullMQ gives one that has none.
 */
function endedUnrecoverably(stackStart: string, stackEnd: string, reason: string): boolean {
  return (
    /^([\w.]+\.)?UnrecoverableError\b/.test(stackStart) ||
    /\\n([\w.]+\.)?UnrecoverableError\b[^\n]*$/.test(stackEnd.replace(/(\\n)+$/, '')) ||
    reason === 'bullmq:unrecoverable'
  );
}

function count(text: Text | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** Options that are too long to be read, or are none, count as absent: such a job runs `1 + maxRetries` times at once. */
function parseOptions(text: Text | undefined): { attempts: number; backoff?: Backoff } {
  let opts: { attempts?: unknown; backoff?: unknown };
  try {
    opts = (JSON.parse(text ?? '{}') ?? {}) as typeof opts;
  } catch {
    return { attempts: 1 };
  }
  const attempts = Number(opts.attempts);
  const backoff = parseBackoff(opts.backoff);
  return { attempts: Number.isSafeInteger(attempts) && attempts > 1 ? attempts : 1, ...(backoff && { backoff }) };
}

/** BullMQ takes a number for a fixed delay. */
function parseBackoff(value: unknown): Backoff | undefined {
  if (typeof value === 'number') return { type: 'fixed', delay: value };
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, delay, jitter } = value as Record<string, unknown>;
  if (typeof type !== 'string') return undefined;
  return {
    type,
    ...(typeof delay === 'number' && { delay }),
    ...(typeof jitter === 'number' && { jitter }),
  };
}
