import { readJobs } from './job-reader.ts';
import type { QueueReads } from './queue-reads.ts';
import { MAX_INDEX_ENTRIES, type IndexEntry, type RecordOf } from './records.ts';
import { SCHEDULERS } from './plan.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';
import { emptyHash } from './values.ts';

type SchedulerRecord = RecordOf<'scheduler'>;

/** The job schedulers of a queue, as many together as fit into a reply: each may have as much data as a job. */
export async function* readSchedulerRecords(
  reads: QueueReads,
  entries: readonly IndexEntry[],
): AsyncGenerator<SchedulerRecord[]> {
  for (let at = 0; at < entries.length; at += MAX_INDEX_ENTRIES) {
    const nextMs = new Map(
      entries
        .slice(at, at + MAX_INDEX_ENTRIES)
        .map(([id, score]) => [`${SCHEDULERS.suffix}:${id}`, timeOf(reads, score)]),
    );
    for await (const found of readJobs(reads, [...nextMs.keys()])) {
      yield found.map(({ id, hash }) => recordOf(id, nextMs.get(id)!, hash));
      for (const { id } of found) nextMs.delete(id);
    }
    // Those that have no hash.
    if (nextMs.size > 0) yield [...nextMs].map(([suffix, ms]) => recordOf(suffix, ms, emptyHash()));
  }
}

function timeOf(reads: QueueReads, score: IndexEntry[1]): number {
  const ms = Number(score);
  if (Number.isFinite(ms)) return ms;
  throw new UnreadableKeyError(reads.key(SCHEDULERS.suffix), 'it holds a time that is none');
}

function recordOf(suffix: string, nextMs: number, hash: SchedulerRecord['hash']): SchedulerRecord {
  return { kind: 'scheduler', id: suffix.slice(SCHEDULERS.suffix.length + 1), nextMs, hash };
}
