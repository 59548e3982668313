import { FairPool, Shares, TENANT } from '@redis-queue/controller';

/** Decisions that are fetched and not acted on yet. The lock of each is renewed every 2.5 s, by one script for all. */
export const MAX_HELD = 1_024;
/** The soonest that a decision comes back for which its namespace has no room. */
const RETURN_AFTER_MS = 500;
/** Between two that come back, over all namespaces: fetching one only to send it back costs half a millisecond. */
const RETURN_SPACING_MS = 10;
/** Within the time for which a decision is valid; until then a newer one of its pool has taken its place. */
const RETURN_WITHIN_MS = 10_000;

/**
 * Who is next of the decisions that were fetched: namespaces in turns, none with more under way than its part of what is
 * free, and none with more waiting than its part of what may be held. What finds no room there goes back to the bus.
 */
export class DecisionTurns {
  readonly #pool: FairPool;
  readonly #held = new Shares(MAX_HELD);
  readonly #now: () => number;
  readonly #onWaiting: (count: number) => void;
  /** When the last of a namespace comes back that was sent back, in the order of sending. */
  readonly #returnsMs = new Map<string, number>();
  #waiting = 0;
  #closed = false;

  /**
   * @param options.atOnce decisions acted on at once
   * @param options.now monotonic, ms
   * @param options.onWaiting called with how many wait for their turn, whenever that changes
   */
  constructor(options: {
    readonly atOnce: number;
    readonly now: () => number;
    readonly onWaiting?: ((count: number) => void) | undefined;
  }) {
    this.#pool = new FairPool(options.atOnce);
    this.#now = options.now;
    this.#onWaiting = options.onWaiting ?? (() => {});
  }

  /**
   * Acts when it is the namespace's turn.
   *
   * @returns undefined when the namespace has no room to wait, or nothing has a turn any more. @throws what `act` throws
   */
  async run<T>(namespace: string, act: () => Promise<T>): Promise<{ readonly result: T } | undefined> {
    if (this.#closed || !this.#held.admits(namespace, TENANT)) return undefined;
    const path = [namespace] as const;
    this.#held.begin(path);
    this.#count(1);
    let begun = false;
    const begin = (): Promise<T> => {
      begun = true;
      this.#count(-1);
      return act();
    };
    try {
      return await this.#pool.run({ path, last: false, run: begin });
    } finally {
      this.#held.end(path);
      if (!begun) this.#count(-1);
    }
  }

  /** After how many ms a decision of the namespace that had no turn is to come back: those of one come one by one, and namespaces in turns. */
  returnAfterMs(namespace: string): number {
    if (this.#closed) return 0;
    const nowMs = this.#now();
    for (const [name, atMs] of this.#returnsMs) {
      if (atMs > nowMs) break;
      this.#returnsMs.delete(name);
    }
    const last = this.#returnsMs.get(namespace) ?? -Infinity;
    this.#returnsMs.delete(namespace);
    const soonestMs = Math.max(nowMs + RETURN_AFTER_MS, last + RETURN_SPACING_MS * (this.#returnsMs.size + 1));
    const atMs = Math.min(soonestMs, nowMs + RETURN_WITHIN_MS);
    this.#returnsMs.set(namespace, atMs);
    return atMs - nowMs;
  }

  /** What waits has no turn any more, and neither has what comes. */
  close(): void {
    this.#closed = true;
    this.#pool.giveUpWaiting();
  }

  #count(change: 1 | -1): void {
    this.#waiting += change;
    this.#onWaiting(this.#waiting);
  }
}
