import { setImmediate } from 'node:timers/promises';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import type { JsonRecord, Selection } from '../parts/lines.ts';
import type { Storage } from '../storage/storage.ts';
import { readParts, recordsIn, type CheckedPart, type PartPlace } from './read-parts.ts';
import { WantedIds } from './wanted-ids.ts';

/** The most jobs of a queue in an increment. Their table takes 21 MB; writers have room for half as many digests. */
const MAX_JOBS = 2_000_000;

/** Records that were read, all from one part, which was checked as a whole before. */
export interface RecordBatch {
  /**
   * Where in the reading of its queue it stands, from 1. Steps come in order, and are the same whenever the same backup is
   * read: once a batch of a later one comes, all of the earlier ones have been given out.
   */
  readonly step: number;
  readonly records: readonly JsonRecord[];
}

/** What is read of a queue that lies in many points. */
export interface ChainedQueue {
  readonly name: string;
  /** Of the newest point, in order: all but jobs. */
  readonly rest: readonly PartPlace[];
  /** Of all points, the newest first, and of each the last one first. */
  readonly jobs: Iterable<PartPlace>;
}

export interface MergeOptions {
  readonly signal: AbortSignal;
  /** The first step whose records are wanted. What is before it is read nevertheless: it says which jobs were given out. */
  readonly fromStep: number;
  /** For tests. */
  readonly maxJobs?: number;
}

/**
 * A queue as a full backup would have it: from the newest point everything but jobs, then each job that its indexes name,
 * once, from the newest point that has it, and in the end the record of the end. Holds one number per job.
 *
 * @throws {BackupDamagedError} also when there are fewer jobs than the newest point says, before the record of the end.
 */
export async function* mergeRecords(
  storage: Storage,
  { name, rest, jobs }: ChainedQueue,
  { signal, fromStep, maxJobs = MAX_JOBS }: MergeOptions,
): AsyncGenerator<RecordBatch> {
  const wanted = new WantedIds();
  let step = 0;
  let end: { readonly record: JsonRecord; readonly path: string } | undefined;
  for await (const part of readParts(storage, rest, { signal })) {
    step += 1;
    for (const records of recordsHeldBy(part)) {
      for (const record of records) {
        if (record.kind === 'index') wantAll(wanted, record, part);
        if (wanted.size > maxJobs) {
          const what = `names more than ${maxJobs} jobs of queue ${name}, the most that are read of an increment`;
          throw new BackupDamagedError(part.path, 'ChainTooLarge', what);
        }
        if (record.kind === 'end') end = { record, path: part.path };
      }
      yield* given(
        step,
        fromStep,
        records.filter(({ kind }) => kind !== 'end'),
      );
    }
  }
  for await (const part of readParts(storage, jobs, { signal })) {
    step += 1;
    const isGiven = step >= fromStep;
    const takesJob = (id: string): boolean => wanted.take(id) && isGiven;
    for (const records of recordsHeldBy(part, takesJob)) {
      // A full backup has other records beside them.
      yield* given(
        step,
        fromStep,
        records.filter(({ kind }) => kind === 'job'),
      );
      // Parts of which little is given out would hold up everything else.
      await setImmediate();
    }
    if (wanted.left === 0) break;
  }
  if (!end) return;
  const { jobs: expected, gone, changed: _, ...more } = end.record;
  const found = wanted.size - wanted.left;
  if (typeof expected === 'number' && found < expected) {
    const what = `says that queue ${name} has ${expected} jobs, and the points of its chain have ${found} of them`;
    throw new BackupDamagedError(end.path, 'JobsMissing', what);
  }
  const absent = wanted.left + (typeof gone === 'number' ? gone : 0);
  yield* given(step + 1, fromStep, [{ ...more, jobs: found, gone: absent }]);
}

/**
 * Records of a part, which are what the manifest says that it has. Jobs come from the last one to the first: one that was
 * read twice is in it twice, and the later record holds.
 */
export function* recordsHeldBy(part: CheckedPart, takesJob?: Selection['takesJob']): Generator<readonly JsonRecord[]> {
  const { holds } = part.entry;
  for (const records of recordsIn(part, { lastFirst: holds !== 'rest', takesJob })) {
    const other = holds && records.find(({ kind }) => (kind === 'job') !== (holds === 'jobs'));
    if (other) {
      const what = `has a record of the kind ${other.kind.slice(0, 100)}, and the manifest says that it holds ${holds}`;
      throw new BackupDamagedError(part.path, 'PartNotReadable', what);
    }
    yield records;
  }
}

function* given(step: number, fromStep: number, records: readonly JsonRecord[]): Generator<RecordBatch> {
  if (step >= fromStep && records.length > 0) yield { step, records };
}

function wantAll(wanted: WantedIds, { entries }: JsonRecord, { path }: CheckedPart): void {
  for (const entry of Array.isArray(entries) ? (entries as unknown[]) : [undefined]) {
    const id: unknown = Array.isArray(entry) ? entry[0] : undefined;
    if (typeof id !== 'string')
      throw new BackupDamagedError(path, 'PartNotReadable', 'has an index that names no jobs');
    wanted.add(id);
  }
}
