import { setImmediate as nextTurn } from 'node:timers/promises';
import { readInBatches, type JobBatch } from './job-batches.ts';
import type { JobDigests } from './job-digests.ts';
import { bytesOf, listOf, type JobRecord } from './job-record.ts';
import { GONE_ROW, jobOf, rowsOf, TOO_LARGE_ROW } from './job-rows.ts';
import { readLargeJob } from './large-job.ts';
import type { QueueReads } from './queue-reads.ts';
import { digestOfRecord } from './record-digest.ts';
import { textOf } from './values.ts';
import type { QueueWrites } from './write-watch.ts';

/** What of a queue has changed since it was backed up. */
export interface SnapshotChanges {
  /** What the backup before this one has of each job; of none, where all are to be read. */
  readonly known: JobDigests;
  /** Filled with the digests of all jobs that are seen: what is known for the next one, once this one is written. */
  readonly next: JobDigests;
  /** Jobs that were not written since the backup before need not be looked at. Absent: all are. */
  readonly writes?: QueueWrites;
}

/** A job that is as the backup before has it. */
export interface UnchangedJob {
  readonly id: string;
  /** The deduplication that it may keep up. */
  readonly deduplication: string | undefined;
}

export interface ReadJobs {
  readonly jobs: readonly JobRecord[];
  readonly unchanged: readonly UnchangedJob[];
  /** Jobs that were not looked at, since nobody has written them. None has a deduplication. */
  readonly unwritten: readonly string[];
}

interface Finding {
  readonly id: string;
  /** The digest that it was compared with; empty: none. */
  readonly asked: string;
  readonly digest: string;
  /** Undefined: it is as that digest says. */
  readonly job: JobRecord | undefined;
  readonly deduplication: string | undefined;
}

interface Found {
  readonly findings: readonly Finding[];
  readonly rest: readonly string[];
}

/** What is looked at in one script call, as its header counts: at most 8 ms of Redis' time. */
const WEIGHT_PER_CALL = 1_000_000;
/** Ids that are looked at in one turn of the event loop: some ms. */
const IDS_PER_TURN = 2_000;
/** A job that weighs more is read piece by piece, and compared here. */
const LARGEST_AT_ONCE = 1_000_000;

/**
 * Reads whole the jobs that are not as they are known, each with its digest, and names those that are. Those that are
 * gone are left out. Of jobs that nobody has written nothing is read.
 *
 * A job may be read more than once while states are walked: it is then compared with what was given of it last, or one
 * that changes and changes back would stay as it was in between.
 *
 * @param jobsPerCall at most.
 */
export async function* readChangedJobs(
  reads: QueueReads,
  ids: readonly string[],
  changes: SnapshotChanges,
  jobsPerCall?: number,
): AsyncGenerator<ReadJobs> {
  const givenLast = (id: string): string => changes.next.get(id) ?? changes.known.get(id) ?? '';
  const settle = ({ findings, rest }: Found): ReadJobs & JobBatch => {
    const jobs: JobRecord[] = [];
    const unchanged: UnchangedJob[] = [];
    const again: string[] = [];
    for (const { id, asked, digest, job, deduplication } of findings) {
      // Another read has given it otherwise while this one was under way.
      if (!job && givenLast(id) !== asked) {
        again.push(id);
        continue;
      }
      changes.next.set(id, digest);
      // Its deduplication ends or changes without a write to the job.
      if ((deduplication ?? job?.hash.deid) !== undefined) changes.writes?.note(id);
      if (job) jobs.push(job);
      else unchanged.push({ id, deduplication });
    }
    return { jobs, unchanged, unwritten: [], rest: [...again, ...rest] };
  };
  const read = (some: readonly string[]): Promise<Found> => readBatch(reads, some, some.map(givenLast));
  const asked: string[] = [];
  for await (const { written, unwritten } of splitByWrites(ids, changes, givenLast)) {
    asked.push(...written);
    if (unwritten.length > 0) yield { jobs: [], unchanged: [], unwritten };
  }
  yield* readInBatches(reads, asked, { jobsPerCall, read, settle });
}

/**
 * Tells the jobs that are as they are known, since nobody has written them. Indexes name them, so they are looked for
 * after these were read: a job that has finished meanwhile was written.
 */
async function* splitByWrites(
  ids: readonly string[],
  { writes, next }: SnapshotChanges,
  givenLast: (id: string) => string,
): AsyncGenerator<{ readonly written: readonly string[]; readonly unwritten: readonly string[] }> {
  if (!writes || ids.length === 0 || !(await writes.settle())) {
    yield { written: ids, unwritten: [] };
    return;
  }
  for (let at = 0; at < ids.length; at += IDS_PER_TURN) {
    const [written, unwritten]: [string[], string[]] = [[], []];
    for (const id of ids.slice(at, at + IDS_PER_TURN)) {
      const digest = writes.has(id) ? '' : givenLast(id);
      (digest === '' ? written : unwritten).push(id);
      if (digest !== '') next.set(id, digest);
    }
    yield { written, unwritten };
    // oxlint-disable-next-line no-await-in-loop -- others get their turn
    await nextTurn();
  }
}

async function readBatch(reads: QueueReads, ids: readonly string[], asked: readonly string[]): Promise<Found> {
  const pairs = ids.flatMap((id, at) => [id, asked[at]!]);
  const reply = await reads.run('readChangedJobs', [WEIGHT_PER_CALL, LARGEST_AT_ONCE, ...pairs]);
  const rows = rowsOf(reads, ids, reply);
  const findings: Finding[] = [];
  for (const [at, row] of rows.entries()) {
    const id = ids[at]!;
    // One at a time is in memory.
    if (row === TOO_LARGE_ROW && findings.length > 0) return { findings, rest: ids.slice(at) };
    const finding =
      row === TOO_LARGE_ROW
        ? // oxlint-disable-next-line no-await-in-loop
          await findingOfLargeJob(reads, id, asked[at]!)
        : findingOf(reads, id, asked[at]!, row);
    if (finding) findings.push(finding);
    if (row === TOO_LARGE_ROW) return { findings, rest: ids.slice(at + 1) };
  }
  return { findings, rest: ids.slice(rows.length) };
}

function findingOf(reads: QueueReads, id: string, asked: string, row: unknown): Finding | undefined {
  if (row === GONE_ROW) return undefined;
  const unchanged = { id, asked, digest: asked, job: undefined };
  if (!Array.isArray(row)) return { ...unchanged, deduplication: undefined };
  const [first, ...content] = listOf(row);
  if (content.length === 0) return { ...unchanged, deduplication: textOf(bytesOf(first)) };
  const digest = bytesOf(first).toString();
  return { id, asked, digest, job: { ...jobOf(reads, id, content), digest }, deduplication: undefined };
}

async function findingOfLargeJob(reads: QueueReads, id: string, asked: string): Promise<Finding | undefined> {
  const job = await readLargeJob(reads, id);
  if (!job) return undefined;
  const digest = digestOfRecord(job);
  const { deid } = job.hash;
  if (digest === asked) return { id, asked, digest, job: undefined, deduplication: deduplicationOf(deid) };
  return { id, asked, digest, job: { ...job, digest }, deduplication: undefined };
}

function deduplicationOf(deid: unknown): string | undefined {
  return typeof deid === 'string' ? deid : undefined;
}
