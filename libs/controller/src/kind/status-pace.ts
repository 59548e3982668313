import type { ObjectMemory } from './types.ts';

/** Between writes of what can wait, over all objects: 20 per second. */
const SPACING_MS = 50;
/** A turn that is not used within this time is lost, so that turns that were saved up never come all at once. */
const TURN_LASTS_MS = 5_000;

/**
 * When statuses may be written that can wait, so that thousands of busy objects cost the API server little. Each object
 * that has to wait for others is given its turn, in the order of asking, so that it asks once again and not all the
 * time, and none is passed over.
 */
export class StatusPace implements ObjectMemory {
  readonly #writtenMs = new Map<string, number>();
  readonly #turnMs = new Map<string, number>();
  /** The first turn that nobody has. */
  #freeMs = 0;

  /**
   * After how many ms the status of the object may be written; 0: now.
   *
   * @param everyMs the least time between two writes of this object.
   */
  waitMs(uid: string, everyMs: number, nowMs: number): number {
    const ownMs = (this.#writtenMs.get(uid) ?? -Infinity) + everyMs - nowMs;
    if (ownMs > 0) return ownMs;
    const turnMs = this.#turnMs.get(uid) ?? -Infinity;
    return Math.max(0, (nowMs - turnMs > TURN_LASTS_MS ? this.#takeTurn(uid, nowMs) : turnMs) - nowMs);
  }

  /** The object has nothing to write any more: its turn is lost. */
  skip(uid: string): void {
    this.#turnMs.delete(uid);
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
    const turnMs = Math.max(nowMs, this.#freeMs);
    this.#freeMs = turnMs + SPACING_MS;
    this.#turnMs.set(uid, turnMs);
    return turnMs;
  }
}
