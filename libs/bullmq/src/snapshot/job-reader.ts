import { readInBatches, type JobBatch } from './job-batches.ts';
import { listOf, type JobRecord } from './job-record.ts';
import { GONE_ROW, jobOf, rowsOf, TOO_LARGE_ROW } from './job-rows.ts';
import { readLargeJob } from './large-job.ts';
import type { QueueReads } from './queue-reads.ts';

/** What jobs of one reply take in Redis; a reply is below it, but for what the protocol adds. */
const BYTES_PER_CALL = 1_000_000;
/** A larger job is read piece by piece. */
const LARGEST_AT_ONCE = 2_000_000;

interface Batch extends JobBatch {
  readonly jobs: readonly JobRecord[];
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
  jobsPerCall?: number,
): AsyncGenerator<readonly JobRecord[]> {
  const batches = readInBatches(reads, ids, {
    jobsPerCall,
    read: (some) => readBatch(reads, some),
    settle: (batch) => batch,
  });
  for await (const { jobs } of batches) if (jobs.length > 0) yield jobs;
}

async function readBatch(reads: QueueReads, ids: readonly string[]): Promise<Batch> {
  const rows = rowsOf(reads, ids, await reads.run('readJobs', [BYTES_PER_CALL, LARGEST_AT_ONCE, ...ids]));
  const jobs: JobRecord[] = [];
  for (const [at, row] of rows.entries()) {
    const id = ids[at]!;
    // One at a time is in memory.
    if (row === TOO_LARGE_ROW && jobs.length > 0) return { jobs, rest: ids.slice(at) };
    // oxlint-disable-next-line no-await-in-loop
    const job = row === TOO_LARGE_ROW ? await readLargeJob(reads, id) : parseJob(reads, id, row);
    if (job) jobs.push(job);
    if (row === TOO_LARGE_ROW) return { jobs, rest: ids.slice(at + 1) };
  }
  return { jobs, rest: ids.slice(rows.length) };
}

function parseJob(reads: QueueReads, id: string, row: unknown): JobRecord | undefined {
  return row === GONE_ROW ? undefined : jobOf(reads, id, listOf(row));
}
