import { UnexpectedReplyError } from '../redis/reply.ts';
import { hashOf, listOf, type JobRecord } from './job-record.ts';
import type { UnchangedJob } from './changed-jobs.ts';
import type { QueueReads } from './queue-reads.ts';
import type { RecordOf } from './records.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';

type DeduplicationRecord = RecordOf<'deduplication'>;

const JOBS_PER_CALL = 100;
/** What is added when jobs end, as Redis counts memory. */
const MAX_BYTES = 2_000_000;

/** The deduplications that jobs keep up, found by what the jobs say. */
export async function readDeduplications(
  reads: QueueReads,
  jobs: readonly JobRecord[],
  unchanged: readonly UnchangedJob[],
): Promise<DeduplicationRecord[]> {
  const records: DeduplicationRecord[] = [];
  const held = [
    ...jobs.map(({ id, hash }) => ({ id: hash['deid'], jobId: id })),
    ...unchanged.map(({ id, deduplication }) => ({ id: deduplication, jobId: id })),
  ].filter((each): each is { id: string; jobId: string } => typeof each.id === 'string');
  for (let at = 0; at < held.length;) {
    const page = held.slice(at, at + JOBS_PER_CALL);
    const args = page.flatMap(({ id, jobId }) => [jobId, id]);
    // oxlint-disable-next-line no-await-in-loop -- page by page
    const rows = listOf(await reads.run('readDeduplications', [MAX_BYTES, ...args]));
    if (rows.length === 0) throw new UnexpectedReplyError('deduplications are not those asked for');
    for (const [n, row] of rows.entries()) {
      const record = page[n] && parseRow(reads, page[n], row);
      if (record) records.push(record);
    }
    at += rows.length;
  }
  return records;
}

function parseRow(
  reads: QueueReads,
  held: { readonly id: string; readonly jobId: string },
  row: unknown,
): DeduplicationRecord | undefined {
  if (row === 0) return undefined;
  const next = reads.key(`dn:${held.id}`);
  if (row === 1) throw new UnreadableKeyError(next, `it is larger than ${MAX_BYTES} bytes`);
  const [ttlMs, fields] = listOf(row);
  return {
    kind: 'deduplication',
    ...held,
    ...(Number(ttlMs) >= 0 && { ttlMs: Number(ttlMs) }),
    ...(listOf(fields).length > 0 && { next: hashOf(fields, next) }),
  };
}
