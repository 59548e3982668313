import { readJobs } from './job-reader.ts';
import type { QueueReads } from './queue-reads.ts';
import { MAX_INDEX_ENTRIES, type IndexEntry, type RecordOf } from './records.ts';
import { SCHEDULERS } from './plan.ts';
import { UnreadableKeyError } from './unreadable-key-error.ts';
import { emptyHash } from './values.ts';

/** The job schedulers of a queue, some at a time. */
export async function* readSchedulerRecords(
  reads: QueueReads,
  entries: readonly IndexEntry[],
): AsyncGenerator<RecordOf<'scheduler'>[]> {
  for (let at = 0; at < entries.length; at += MAX_INDEX_ENTRIES) {
    const page = new Map(
      entries.slice(at, at + MAX_INDEX_ENTRIES).map(([id, score]) => [`${SCHEDULERS.suffix}:${id}`, score]),
    );
    const hashes = new Map<string, RecordOf<'scheduler'>['hash']>();
    for await (const found of readJobs(reads, [...page.keys()])) for (const { id, hash } of found) hashes.set(id, hash);
    yield [...page].map(([suffix, score]) => {
      const nextMs = Number(score);
      if (!Number.isFinite(nextMs))
        throw new UnreadableKeyError(reads.key(SCHEDULERS.suffix), 'it holds a time that is none');
      return {
        kind: 'scheduler',
        id: suffix.slice(SCHEDULERS.suffix.length + 1),
        nextMs,
        hash: hashes.get(suffix) ?? emptyHash(),
      };
    });
  }
}
