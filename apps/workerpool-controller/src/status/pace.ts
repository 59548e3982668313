import type { StatusNews } from './news.ts';

/** How long after a write of a pool's status the next may come, by what it has to say. */
const PACE_MS: Record<Exclude<StatusNews, 'none' | 'news'>, number> = { holds: 10_000, numbers: 60_000 };
/** Between writes of what can wait, over all pools: 20 per second. */
const SPACING_MS = 50;
/** This many may come at once. */
const BURST = 40;

/**
 * When statuses may be written that can wait, so that thousands of busy pools cost the API server little. Each pool
 * that has to wait for others is given its turn, so that it asks once again and not all the time.
 */
export class StatusPace {
  readonly #writtenMs = new Map<string, number>();
  readonly #turnMs = new Map<string, number>();
  /**
   * When the next turn would be if none had been saved up (the generic cell rate algorithm's theoretical arrival time).
   */
  #nextMs = 0;

  /** After how many ms the status of the pool may be written; 0: now. */
  waitMs(uid: string, news: StatusNews, nowMs: number): number {
    if (news === 'none' || news === 'news') return 0;
    const ownMs = (this.#writtenMs.get(uid) ?? -Infinity) + PACE_MS[news] - nowMs;
    if (ownMs > 0) return ownMs;
    const turnMs = this.#turnMs.get(uid) ?? this.#takeTurn(uid, nowMs);
    return Math.max(0, turnMs - nowMs);
  }

  wrote(uid: string, nowMs: number): void {
    this.#writtenMs.set(uid, nowMs);
    this.#turnMs.delete(uid);
  }

  forget(uid: string): void {
    this.#writtenMs.delete(uid);
    this.#turnMs.delete(uid);
  }

  #takeTurn(uid: string, nowMs: number): number {
    const turnMs = Math.max(nowMs, this.#nextMs - BURST * SPACING_MS);
    this.#nextMs = Math.max(nowMs, this.#nextMs) + SPACING_MS;
    this.#turnMs.set(uid, turnMs);
    return turnMs;
  }
}
