import { within } from './deadline.ts';
import { StorageError } from './storage.ts';

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Tries in all. */
  readonly attempts: number;
  /** After so long no further try is begun, ms. */
  readonly giveUpMs: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** Pauses between tries that failed in a way that passes: twice as long each time, by half of that at random. */
export class Retries {
  readonly #options: RetryOptions;
  #begunMs: number;
  #failed = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
    this.#begunMs = options.now();
  }

  /** Waits until the next try, or throws `error` when there is none. */
  async next(error: unknown): Promise<void> {
    const { signal, attempts, giveUpMs, now, random, sleep } = this.#options;
    signal.throwIfAborted();
    this.#failed += 1;
    if (!(error instanceof StorageError) || !error.retryable || this.#failed >= attempts) throw error;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failed - 1), LONGEST_PAUSE_MS) * (0.5 + random() / 2);
    if (now() + pauseMs - this.#begunMs > giveUpMs) throw error;
    await within(sleep(pauseMs, signal), { signal });
  }

  /** Counts from the beginning again, after something was reached. */
  reset(): void {
    this.#failed = 0;
    this.#begunMs = this.#options.now();
  }
}

/** What `run` returns at its first try that does not fail. */
export async function withRetries<T>(options: RetryOptions, run: () => Promise<T>): Promise<T> {
  const retries = new Retries(options);
  for (;;) {
    try {
      return await run();
    } catch (error) {
      await retries.next(error);
    }
  }
}
