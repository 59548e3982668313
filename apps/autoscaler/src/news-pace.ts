/** Decisions a second that change no size, of all pools; a fraction of what the consumer takes. */
const NEWS_PER_SECOND = 200;

/**
 * The pace of decisions that change no size: a token bucket. After a takeover or an outage every pool has news at once, and a size that
 * has to change must not wait behind thousands of sentences. What is refused is told when its pool is decided next.
 */
export class NewsPace {
  #left = NEWS_PER_SECOND;
  #atMs = -Infinity;

  /** Whether one more may be told now. */
  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#atMs) * NEWS_PER_SECOND) / 1_000;
    this.#left = Math.min(NEWS_PER_SECOND, this.#left + earned);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
