import { UnexpectedReplyError } from '../redis/reply.ts';
import { bytesOf, hashOf, listOf, PARTS, setPart, type JobRecord } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import { UnreadableKeyError, WRONG_TYPE } from '../redis/unreadable-key-error.ts';

/** What scripts reply of a job that is larger than one they read. */
export const TOO_LARGE_ROW = 1;
/** Of a job that is gone. */
export const GONE_ROW = 0;

/** @param row fields and values, then the parts that the job has, each by its name and its elements. */
export function jobOf(reads: QueueReads, id: string, [fields, ...parts]: readonly unknown[]): JobRecord {
  const job: JobRecord = { kind: 'job', id, hash: hashOf(fields, reads.key(id)) };
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const name = bytesOf(parts[at]).toString();
    const [part] = PARTS.find(([known]) => known === name) ?? [];
    if (!part) throw new UnexpectedReplyError('a part of a job is none');
    setPart(job, part, listOf(parts[at + 1]), reads.key(`${id}:${name}`));
  }
  return job;
}

/**
 * The rows of a reply about jobs: for the first of them, and at least one.
 *
 * @throws UnexpectedReplyError when they are not; UnreadableKeyError when a key of a job is of another type.
 */
export function rowsOf(reads: QueueReads, ids: readonly string[], reply: unknown): readonly unknown[] {
  const rows = listOf(reply);
  if (rows.length === 0 || rows.length > ids.length) throw new UnexpectedReplyError('jobs are not those asked for');
  for (const [at, row] of rows.entries()) if (Buffer.isBuffer(row)) throw wrongType(reads, ids[at]!, row.toString());
  return rows;
}

/** @param failure the part's suffix, a space, and what Redis says. */
function wrongType(reads: QueueReads, id: string, failure: string): Error {
  const space = failure.indexOf(' ');
  const key = reads.key(id + failure.slice(0, space));
  const cause = new Error(failure.slice(space + 1));
  return cause.message.includes('WRONGTYPE') ? new UnreadableKeyError(key, WRONG_TYPE, { cause }) : cause;
}
