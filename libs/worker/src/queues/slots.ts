interface Waiter {
  queue: string;
  take: () => void;
}

/**
 * The pod's concurrency as a number of slots that all queues share: a job runs on a slot, and is only fetched once it
 * has one. Slots are given in the order they were asked for, so that no queue starves behind a busier one.
 */
export class Slots {
  readonly total: number;
  #taken = 0;
  readonly #waiters: Waiter[] = [];

  constructor(total: number) {
    this.total = total;
  }

  get taken(): number {
    return this.#taken;
  }

  get free(): number {
    return this.total - this.#taken;
  }

  /** Whether another queue waits for a slot, which then has to be given back instead of used for the next job. */
  contendedBeside(queue: string): boolean {
    return this.#waiters.some((waiter) => waiter.queue !== queue);
  }

  /** Resolves with true once a slot is taken, with false when `signal` aborts first. */
  take(queue: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#taken < this.total) {
      this.#taken++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        resolve(false);
      };
      const waiter: Waiter = {
        queue,
        take: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        },
      };
      this.#waiters.push(waiter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Gives a slot back; the one who has waited longest gets it. */
  release(): void {
    const next = this.#waiters.shift();
    if (next) next.take();
    else this.#taken--;
  }
}
