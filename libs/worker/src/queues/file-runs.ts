import type { Job } from 'bullmq';
import type { BullmqMembers } from './bullmq-members.ts';

/** Runs one job: BullMQ's processor, with the signal that aborts when the job's lock was lost. */
export type Process = (job: Job, token?: string, lockLost?: AbortSignal) => Promise<unknown>;

/** What runs of a worker's file, in processes or threads of BullMQ's; each can be killed by its job. */
export class FileRuns {
  readonly #process: Process;
  readonly #bullmq: Pick<BullmqMembers, 'inChild'>;
  readonly #kills = new Map<Job, () => Promise<void>>();

  /** @param process BullMQ's, which has the file run a job. */
  constructor(process: Process, bullmq: Pick<BullmqMembers, 'inChild'>) {
    this.#process = process;
    this.#bullmq = bullmq;
  }

  async run(job: Job, token: string | undefined, signal: AbortSignal): Promise<unknown> {
    const { ran, kill } = this.#bullmq.inChild(async () => await this.#process(job, token, signal));
    this.#kills.set(job, kill);
    try {
      return await ran;
    } finally {
      this.#kills.delete(job);
    }
  }

  /** Kills the process, or the thread, that runs this job, if one does. */
  kill(job: Job): void {
    void this.#kills
      .get(job)?.()
      .catch(() => undefined);
  }
}
