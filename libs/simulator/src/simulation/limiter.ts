import type { RateLimit } from '../loads/workload.ts';

/**
 * BullMQ's limiter: a fixed window that begins with its first start. Once `max` jobs have started in it, no job starts
 * until it ends (prepareJobForProcessing.lua, getRateLimitTTL.lua). Whether the limit stands in the queue's meta or in
 * the options of its workers, the key that counts is the queue's.
 */
export class Limiter {
  readonly #limits: readonly RateLimit[];
  #started = 0;
  #endsMs = 0;

  constructor(limits: readonly RateLimit[]) {
    this.#limits = limits;
  }

  /** The limit that stands in the queue's meta, in jobs per second, as the sampler reads it; of workers' own: none. */
  seenPerSecond(nowMs: number): number | undefined {
    const limit = this.#at(nowMs);
    return limit?.by === 'queue' ? (limit.max * 1_000) / limit.durationMs : undefined;
  }

  /** Until when no job may start; undefined when one may now. */
  blockedUntilMs(nowMs: number): number | undefined {
    const limit = this.#at(nowMs);
    return limit !== undefined && nowMs < this.#endsMs && this.#started >= limit.max ? this.#endsMs : undefined;
  }

  /** A job starts now. */
  count(nowMs: number): void {
    const limit = this.#at(nowMs);
    if (limit === undefined) return;
    if (nowMs >= this.#endsMs) {
      this.#started = 0;
      this.#endsMs = nowMs + limit.durationMs;
    }
    this.#started++;
  }

  #at(nowMs: number): RateLimit | undefined {
    return this.#limits.findLast(({ fromMs }) => nowMs >= fromMs);
  }
}
