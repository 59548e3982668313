import type { Milliseconds } from '@redis-queue/api';
import { readChangedJobs, type ReadJobs, type SnapshotChanges } from './changed-jobs.ts';
import { readDeduplications } from './deduplications.ts';
import { readJobs } from './job-reader.ts';
import type { QueueReads } from './queue-reads.ts';
import { MAX_INDEX_ENTRIES, STATES, type IndexEntry, type QueueRecord, type RecordOf, type State } from './records.ts';
import { SeenIds } from './seen-ids.ts';

/** How often what is done in between comes to its turn. */
const BETWEEN_MS: Milliseconds = 100;
/** Of those allowed per second in one read: waits for the next are short, so that others get their turn in between. */
const PART_OF_SECOND = 10;

interface JobRecordsOptions {
  readonly now: () => Milliseconds;
  readonly jobsPerSecond: number | undefined;
  /** Absent: all jobs are given, and no digests. */
  readonly changes: SnapshotChanges | undefined;
  readonly onProgress: (jobs: number) => void;
}

/** Makes records of the jobs that indexes name, and counts them. */
export class JobRecords {
  /** Ids of jobs that have been read, or were gone. */
  readonly seen = new SeenIds();
  readonly #reads: QueueReads;
  readonly #options: JobRecordsOptions;
  readonly #counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>;
  readonly #changed = new SeenIds();
  #jobs = 0;
  #gone = 0;
  #between: (() => AsyncGenerator<readonly QueueRecord[]>) | undefined;
  #betweenAtMs: Milliseconds;
  /** When as many jobs will be allowed as have been read. */
  #allowedAtMs: Milliseconds;

  constructor(reads: QueueReads, options: JobRecordsOptions) {
    this.#reads = reads;
    this.#options = options;
    this.#betweenAtMs = options.now();
    this.#allowedAtMs = options.now();
  }

  /** Has other records read now and then, while those of jobs are. */
  between(read: () => AsyncGenerator<readonly QueueRecord[]>): void {
    this.#between = read;
  }

  /**
   * Records of the jobs, or of those that have changed, then of the index that names them. Those that are gone are left
   * out of both, and counted.
   */
  async *read(state: State, entries: readonly IndexEntry[]): AsyncGenerator<readonly QueueRecord[]> {
    const found = new Set<string>();
    const ids = entries.map(([id]) => id);
    for await (const { jobs, unchanged, unwritten } of this.#readJobs(ids)) {
      const those = [jobs, unchanged].flatMap((some) => some.map(({ id }) => id));
      for (const id of [...those, ...unwritten]) {
        found.add(id);
        if (this.seen.add(id)) this.#jobs++;
      }
      if (this.#options.changes) for (const { id } of jobs) this.#changed.add(id);
      yield [...jobs, ...(await readDeduplications(this.#reads, jobs, unchanged))];
      this.#options.onProgress(this.#jobs);
      await this.#restAfter(those.length);
      yield* this.#readBetween();
    }
    const named = entries.filter(([id]) => found.has(id));
    // One that came twice is gone once.
    for (const id of ids) if (!found.has(id) && this.seen.add(id)) this.#gone++;
    this.#counts[state] += named.length;
    for (let at = 0; at < named.length; at += MAX_INDEX_ENTRIES)
      yield [{ kind: 'index', state, entries: named.slice(at, at + MAX_INDEX_ENTRIES) }];
    yield* this.#readBetween();
  }

  summary(): Omit<RecordOf<'end'>, 'kind'> {
    const changed = this.#options.changes && { changed: this.#changed.size };
    return { jobs: this.#jobs, counts: this.#counts, gone: this.#gone, ...changed };
  }

  async *#readJobs(ids: readonly string[]): AsyncGenerator<ReadJobs> {
    const { changes } = this.#options;
    if (changes) yield* readChangedJobs(this.#reads, ids, changes, this.#jobsPerCall());
    else
      for await (const jobs of readJobs(this.#reads, ids, this.#jobsPerCall()))
        yield { jobs, unchanged: [], unwritten: [] };
  }

  async *#readBetween(): AsyncGenerator<readonly QueueRecord[]> {
    const read = this.#between;
    if (!read || this.#options.now() - this.#betweenAtMs < BETWEEN_MS) return;
    // It reads jobs as well.
    this.#between = undefined;
    yield* read();
    this.#between = read;
    this.#betweenAtMs = this.#options.now();
  }

  #jobsPerCall(): number | undefined {
    const { jobsPerSecond } = this.#options;
    return jobsPerSecond === undefined ? undefined : Math.max(1, Math.floor(jobsPerSecond / PART_OF_SECOND));
  }

  async #restAfter(jobs: number): Promise<void> {
    const { jobsPerSecond, now } = this.#options;
    if (jobsPerSecond === undefined) return;
    this.#allowedAtMs = Math.max(this.#allowedAtMs, now()) + (1_000 * jobs) / jobsPerSecond;
    await this.#reads.rest(this.#allowedAtMs - now());
  }
}
