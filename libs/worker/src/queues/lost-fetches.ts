import type { Redis } from 'ioredis';
import { readLocks, type QueueKeys } from './predecessor.ts';

/**
 * When is looked after a connection was lost, as parts of the time that a lock lasts: what the old connection had sent
 * may arrive after what the new one sends. All of them together come before the first of such locks has ended.
 */
const PAUSES = [1 / 24, 1 / 24, 1 / 12, 1 / 6, 1 / 3];
/** Most active jobs of a queue that are read per look, the newest. */
const MOST_JOBS = 2_000;
/** Most locks that are remembered because they shall end by their time. */
const MOST_LEFT = 1_000;

export interface LostFetchesOptions {
  redis: Redis;
  keys: QueueKeys;
  /** What the tokens of this worker begin with. */
  holds: () => string;
  lockMs: number;
  /** Puts a job to the front of its queue if it is locked with the token. */
  undo: (id: string, token: string) => Promise<void>;
}

/**
 * Undoes fetches whose answer was lost with its connection. Redis has carried such a fetch out; sent again it gives
 * another job, and the first would be nobody's until its lock ends, at the cost of a stall.
 *
 * A token is used for one job at a time, so a job is nobody's when its lock has a token that is not used any more, or
 * one with which another job is locked at the same moment that this process knows it by.
 */
export class LostFetches {
  readonly #options: LostFetchesOptions;
  /** By each token in use its job; undefined while a fetch is under way. */
  readonly #jobs = new Map<string, string | undefined>();
  readonly #left = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #step = 0;
  #closed = false;
  #begun = false;

  constructor(options: LostFetchesOptions) {
    this.#options = options;
  }

  /** The token is sent with a fetch. */
  asked(token: string): void {
    this.#begun = true;
    this.#jobs.set(token, undefined);
  }

  delivered(token: string, id: string): void {
    this.#jobs.set(token, id);
  }

  /** Nothing will be done with the token any more. */
  over(token: string): void {
    this.#jobs.delete(token);
  }

  /** The lock shall end by its time, with a stall: of this job, or of whichever the token was used for. */
  leave(token: string, id = ''): void {
    this.over(token);
    const [oldest] = this.#left;
    if (this.#left.size >= MOST_LEFT) this.#left.delete(oldest!);
    this.#left.add(`${token} ${id}`);
  }

  /** An answer may be lost: looks for such jobs now and then, until none can come any more. */
  search(): void {
    if (!this.#begun) return;
    this.#step = 0;
    if (this.#timer === undefined) this.#later();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    const pause = PAUSES[this.#step++];
    if (pause === undefined || this.#closed) {
      this.#timer = undefined;
      return;
    }
    this.#timer = setTimeout(() => {
      // without Redis: when its connection is back, the next search begins
      void this.#look()
        .catch(() => undefined)
        .then(() => this.#later());
    }, pause * this.#options.lockMs).unref();
  }

  async #look(): Promise<void> {
    const { redis, keys, holds, undo } = this.#options;
    const locks = await readLocks(redis, keys, holds(), [0, MOST_JOBS - 1]);
    const seen = new Set(locks.map(({ id, token }) => `${token} ${id}`));
    const lost = locks.filter(({ id, token }) => this.#isLost(id, token, seen));
    // the oldest is at the end, and shall be the first again
    for (const { id, token } of lost) await undo(id, token);
  }

  /** Where it was right when `seen` was read and is not any more, its lock is gone, and nothing is undone. */
  #isLost(id: string, token: string, seen: ReadonlySet<string>): boolean {
    if (this.#left.has(`${token} ${id}`) || this.#left.has(`${token} `)) return false;
    if (!this.#jobs.has(token)) return true;
    const known = this.#jobs.get(token);
    return known !== undefined && known !== id && seen.has(`${token} ${known}`);
  }
}
