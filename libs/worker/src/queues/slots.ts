import { SlotShares } from './slot-shares.ts';

interface Waiter {
  queue: string;
  first: boolean;
  take: () => void;
}

export interface SlotsOptions {
  /** What part of the slots each queue gets while several have work; 1 for a queue that is not named. */
  weights?: ReadonlyMap<string, number>;
  /** Monotonic ms. */
  now?: () => number;
}

/**
 * The pod's concurrency as a number of slots that all queues share: a job runs on a slot, and is only fetched once it
 * has one. While several queues wait, slots go to them by their weights, whatever their jobs take; a queue without work
 * costs the others none.
 */
export class Slots {
  readonly total: number;
  readonly #shares: SlotShares;
  readonly #waiters: Waiter[] = [];
  /** Numbers of slots beyond which none is given out at present. */
  readonly #bounds = new Set<{ most: number }>();
  #taken = 0;
  #occupied = 0;

  constructor(total: number, { weights = new Map(), now = () => performance.now() }: SlotsOptions = {}) {
    this.total = total;
    this.#shares = new SlotShares(weights, now);
  }

  /** Slots on which a job runs, or a handler whose job has failed without it. */
  get taken(): number {
    return Math.min(this.total, this.#taken + this.#occupied);
  }

  /** Slots on which jobs run. */
  get jobs(): number {
    return this.#taken;
  }

  /** Slots that would be given out now. */
  get free(): number {
    return Math.max(0, this.#most - this.#taken);
  }

  /** How many slots jobs may have now. */
  get #most(): number {
    return Math.min(this.total - this.#occupied, ...[...this.#bounds].map(({ most }) => most));
  }

  /** Whether the queue has to give its slot back instead of using it for its next job. */
  contendedBeside(queue: string): boolean {
    if (this.#taken > this.#most || this.#waiters.some(({ first }) => first)) return true;
    const others = this.#waiters.map((waiter) => waiter.queue).filter((waiting) => waiting !== queue);
    if (others.length === 0) return false;
    return this.#shares.next([...others, queue], this.#most, queue) !== queue;
  }

  /**
   * Resolves with true once a slot is taken, with false when `signal` aborts first. @param first before all others that
   * wait, whatever their weights
   */
  take(queue: string, signal: AbortSignal, { first = false } = {}): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    this.#shares.ask(queue);
    if (this.free > 0) {
      this.#take(queue);
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        this.#shares.giveUp(queue);
        resolve(false);
      };
      const waiter: Waiter = {
        queue,
        first,
        take: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        },
      };
      this.#waiters.push(waiter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Gives back a slot that the queue took. */
  release(queue: string): void {
    this.#taken--;
    this.#shares.release(queue);
    this.#serveWaiting();
  }

  /**
   * Until what it returns is called, jobs get no slot while `most` of them or more have one. Those that run go on; of
   * several such bounds the least counts.
   */
  narrow(most: number): () => void {
    const bound = { most };
    this.#bounds.add(bound);
    return () => {
      this.#bounds.delete(bound);
      this.#serveWaiting();
    };
  }

  /**
   * Takes a slot for a handler that goes on although its job has ended, so that no more handlers run at once than there
   * are slots: if none is free, that of the job itself, once it is released.
   *
   * @returns what gives the slot back, to be called once.
   */
  occupy(): () => void {
    this.#occupied++;
    return () => {
      this.#occupied--;
      this.#serveWaiting();
    };
  }

  #serveWaiting(): void {
    while (this.free > 0 && this.#waiters.length > 0) {
      const [waiter] = this.#waiters.splice(this.#nextWaiter(), 1);
      this.#take(waiter!.queue);
      waiter!.take();
    }
  }

  #nextWaiter(): number {
    const first = this.#waiters.findIndex((waiter) => waiter.first);
    if (first !== -1) return first;
    const queues = this.#waiters.map(({ queue }) => queue);
    return queues.indexOf(this.#shares.next(queues, this.#most));
  }

  #take(queue: string): void {
    this.#taken++;
    this.#shares.take(queue);
  }
}
