import { UnexpectedReplyError } from '../redis/reply.ts';
import { bytesOf, hashOf, listOf, PARTS, setPart, type JobRecord } from './job-record.ts';
import { readLargeJob } from './large-job.ts';
import type { QueueReads } from './queue-reads.ts';
import { UnreadableKeyError, WRONG_TYPE } from './unreadable-key-error.ts';

/** Jobs that are asked for in one script call: about 1 ms of Redis' time. */
const JOBS_PER_CALL = 100;
/** What jobs of one reply take in Redis; a reply is below it, but for what the protocol adds. */
const BYTES_PER_CALL = 1_000_000;
/** A larger job is read piece by piece. */
const LARGEST_AT_ONCE = 2_000_000;

interface Batch {
  readonly jobs: readonly JobRecord[];
  /** Ids that did not fit into the reply. */
  readonly rest: readonly string[];
}

/**
 * Reads jobs whole, some at a time: as many as take about a MB, or one that takes more. Not always in the order of their
 * ids; those that are gone are left out.
 *
 * @param jobsPerCall at most.
 */
export async function* readJobs(
  reads: QueueReads,
  ids: readonly string[],
  jobsPerCall = JOBS_PER_CALL,
): AsyncGenerator<readonly JobRecord[]> {
  const size = Math.min(jobsPerCall, JOBS_PER_CALL);
  const waiting: (readonly string[])[] = Array.from({ length: Math.ceil(ids.length / size) }, (_, n) =>
    ids.slice(n * size, (n + 1) * size),
  );
  waiting.reverse();
  const underWay: Promise<Batch>[] = [];
  for (;;) {
    while (underWay.length < reads.together && waiting.length > 0) {
      const batch = readBatch(reads, waiting.pop()!);
      // Nobody waits for it when one before it fails.
      batch.catch(() => {});
      underWay.push(batch);
    }
    const next = underWay.shift();
    if (!next) return;
    // oxlint-disable-next-line no-await-in-loop -- in their order
    const { jobs, rest } = await next;
    if (rest.length > 0) waiting.push(rest);
    if (jobs.length > 0) yield jobs;
  }
}

async function readBatch(reads: QueueReads, ids: readonly string[]): Promise<Batch> {
  const rows = listOf(await reads.run('readJobs', [BYTES_PER_CALL, LARGEST_AT_ONCE, ...ids]));
  if (rows.length === 0 || rows.length > ids.length) throw new UnexpectedReplyError('jobs are not those asked for');
  const jobs: JobRecord[] = [];
  for (const [at, row] of rows.entries()) {
    const id = ids[at]!;
    // One at a time is in memory.
    if (row === 1 && jobs.length > 0) return { jobs, rest: ids.slice(at) };
    // oxlint-disable-next-line no-await-in-loop
    const job = row === 1 ? await readLargeJob(reads, id) : parseJob(reads, id, row);
    if (job) jobs.push(job);
    if (row === 1) return { jobs, rest: ids.slice(at + 1) };
  }
  return { jobs, rest: ids.slice(rows.length) };
}

function parseJob(reads: QueueReads, id: string, row: unknown): JobRecord | undefined {
  if (row === 0) return undefined;
  if (Buffer.isBuffer(row)) throw wrongType(reads, id, row.toString());
  const [fields, ...parts] = listOf(row);
  const job: JobRecord = { kind: 'job', id, hash: hashOf(fields, reads.key(id)) };
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const name = bytesOf(parts[at]).toString();
    const [part] = PARTS.find(([known]) => known === name) ?? [];
    if (!part) throw new UnexpectedReplyError('a part of a job is none');
    setPart(job, part, listOf(parts[at + 1]), reads.key(`${id}:${name}`));
  }
  return job;
}

/** @param failure the part's suffix, a space, and what Redis says. */
function wrongType(reads: QueueReads, id: string, failure: string): Error {
  const space = failure.indexOf(' ');
  const key = reads.key(id + failure.slice(0, space));
  const cause = new Error(failure.slice(space + 1));
  return cause.message.includes('WRONGTYPE') ? new UnreadableKeyError(key, WRONG_TYPE, { cause }) : cause;
}
