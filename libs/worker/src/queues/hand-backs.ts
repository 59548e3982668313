import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { isNotConnectionError } from '../bullmq/installed.ts';
import type { LostFetches } from './lost-fetches.ts';
import { keepParked, type ParkedJobs } from './parked-jobs.ts';

/** Pause before what Redis did not take is tried again. */
const RETRY_MS = 1_000;

export interface HandBacksOptions {
  /** Told of each token that is not used any more. */
  fetches: Pick<LostFetches, 'over' | 'search'>;
  parked: ParkedJobs;
  /** Whether the worker is closed, so that nothing is tried again. */
  closing: () => boolean;
}

/** Brings jobs back to their queue that this process has fetched and does not run to their end. */
export class HandBacks {
  readonly #fetches: HandBacksOptions['fetches'];
  readonly #closing: () => boolean;
  /** Moves jobs aside that cannot run here yet. */
  readonly parked: ParkedJobs;

  constructor({ fetches, parked, closing }: HandBacksOptions) {
    this.#fetches = fetches;
    this.#closing = closing;
    this.parked = {
      ...parked,
      park: async (job, token) => await this.#letGo(token, async () => await parked.park(job, token)),
    };
  }

  /**
   * Puts a job back to the front of its queue, or of those of its priority, without an attempt or a stall. Tries again
   * as long as Redis is away or takes no writes, until the worker is closed.
   *
   * @throws Error when this worker does not hold the job's lock any more.
   */
  async handBack(job: Job, token?: string): Promise<void> {
    await this.#letGo(token, async () => await this.#whileAway(async () => await job.moveToWait(token)));
  }

  /**
   * Keeps a job away from all workers, without a lock and without an attempt, until `over` settles; then puts it to the
   * front of its queue.
   *
   * @returns once it is away.
   */
  async putOff(job: Job, token: string, over: Promise<unknown>): Promise<void> {
    await this.parked.park(job, token);
    const { end } = keepParked(this.parked, job);
    const toFront = async (): Promise<void> => {
      // where that fails it comes back by itself
      if (!end()) await this.parked.toFront(job).catch(() => undefined);
    };
    void over.then(toFront, toFront);
  }

  /** Of a job that runs the token is in use until its run is over. */
  async #letGo(token: string | undefined, give: () => Promise<unknown>): Promise<void> {
    try {
      await give();
    } catch (error) {
      this.#fetches.search();
      throw error;
    } finally {
      if (token !== undefined) this.#fetches.over(token);
    }
  }

  async #whileAway(write: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        if (this.#closing() || isNotConnectionError(error as Error)) throw error;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
