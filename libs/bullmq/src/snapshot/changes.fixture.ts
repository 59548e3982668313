import type { Redis } from 'ioredis';
import type { QueueRef } from '../redis/keys.ts';
import { JobDigests } from './job-digests.ts';
import type { QueueRecord } from './records.ts';
import { heldOf, readRecords, type Held } from './snapshot.fixture.ts';
import type { SnapshotOptions } from './snapshot-queue.ts';
import type { WriteWatch } from './write-watch.ts';

/** Backups of one queue, each but the first of what has changed since the one before. */
export class Increments {
  readonly #redis: Redis;
  readonly #queue: QueueRef;
  readonly #options: Partial<SnapshotOptions>;
  readonly #points: QueueRecord[][] = [];
  readonly #watch: WriteWatch | undefined;
  #known = new JobDigests();

  /** @param watch by which jobs that nobody has written are left out; absent: all jobs are compared. */
  constructor(redis: Redis, queue: QueueRef, options: Partial<SnapshotOptions> = {}, watch?: WriteWatch) {
    this.#watch = watch;
    this.#redis = redis;
    this.#queue = queue;
    this.#options = options;
  }

  /** Takes the next one. @returns ids of the jobs that are in it, in order. */
  async take(options: Partial<SnapshotOptions> = {}): Promise<string[]> {
    const next = new JobDigests();
    this.#watch?.begin();
    const writes = this.#watch?.writesOf(this.#queue);
    const changes = { known: this.#known, next, ...(writes && { writes }) };
    const records = await readRecords(this.#redis, this.#queue, { ...this.#options, ...options, changes });
    this.#watch?.finish();
    this.#points.push(records);
    this.#known = next;
    return [...heldOf(records).jobs.keys()].toSorted();
  }

  /** As after a restart: what is known is what the backups say. */
  forget(): void {
    const known = new JobDigests();
    for (const [id, { digest }] of this.merged().jobs) if (digest !== undefined) known.set(id, digest);
    this.#known = known;
  }

  /** The queue as the newest one has it: of each job that it names, the newest record. */
  merged(): Held {
    const newest = heldOf(this.#points.at(-1)!);
    const all = new Map(this.#points.flatMap((records) => [...heldOf(records).jobs]));
    const named = [...all].filter(([id]) => newest.states.has(id));
    return { ...newest, jobs: new Map(named) };
  }
}

/** What two backups of one queue agree on when nothing has happened in between. */
export function comparable({ queue, jobs, states, schedulers, deduplications, end }: Held): unknown {
  const { snapshotAt: _, consistent: __, ...head } = queue;
  const { changed: ___, gone: ____, ...counts } = end;
  return {
    head,
    counts,
    jobs: byId(jobs, ({ digest: _____, dependencies, ...job }) => ({
      ...job,
      ...(dependencies && { dependencies: dependencies.toSorted() }),
    })),
    states: byId(states, (state) => state),
    schedulers: byId(schedulers, (scheduler) => scheduler),
    deduplications: byId(deduplications, ({ ttlMs, ...each }) => ({ ...each, ends: ttlMs !== undefined })),
  };
}

function byId<T, R>(map: ReadonlyMap<string, T>, of: (value: T) => R): Map<string, R> {
  return new Map([...map].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([id, value]) => [id, of(value)]));
}

/** Numbers below 1 that a seed decides (mulberry32), so that a run that fails can be tried again. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
