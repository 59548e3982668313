import type { JobProgress, JobsOptions, MinimalQueue } from 'bullmq';
import { Job } from '../bullmq/installed.ts';
import { noDatastore } from '../queues/bullmq-members.ts';

/** What a job wrote about itself while it ran. */
export interface JobNotes {
  progress: JobProgress[];
  /** Rows of `job.log`. */
  rows: string[];
}

/** A BullMQ job that no Redis knows: what it writes about itself is stored, and calls that need Redis are refused. */
export class MemoryJob<Data, Result> extends Job<Data, Result> {
  readonly #notes: JobNotes;

  constructor(id: string, queue: string, name: string, data: Data, opts: JobsOptions, notes: JobNotes) {
    super(queueWithoutRedis(queue), name, data, opts, id);
    this.#notes = notes;
  }

  override updateProgress(progress: JobProgress): Promise<void> {
    this.progress = progress;
    this.#notes.progress.push(progress);
    return Promise.resolve();
  }

  override log(row: string): Promise<number> {
    return Promise.resolve(this.#notes.rows.push(row));
  }

  override updateData(data: Data): Promise<void> {
    this.data = data;
    return Promise.resolve();
  }

  override extendLock(): Promise<number> {
    return Promise.resolve(1);
  }
}

function queueWithoutRedis(name: string): MinimalQueue {
  const known = {
    name,
    qualifiedName: `bull:${name}`,
    opts: {},
    ...noDatastore((method) => {
      throw new Error(`this job has no Redis (asked for ${method}); test it with drainQueues`);
    }),
    toKey: (type: string) => `bull:${name}:${type}`,
  };
  return known as unknown as MinimalQueue;
}
