import type { ObjectMemory } from './types.ts';

/** Between the first repairs of one status; each that is overwritten again doubles it. */
const FIRST_INTERVAL_MS = 10_000;
const MAX_INTERVAL_MS = 5 * 60_000;

interface Repair {
  readonly atMs: number;
  /** Until the next. */
  readonly intervalMs: number;
  readonly inARow: number;
}

/**
 * When a status that somebody else overwrote may be written again: the first time at once, then at ever longer
 * intervals while it goes on, so that two controllers that disagree do not write one object as fast as they can.
 */
export class RepairPace implements ObjectMemory {
  readonly #last = new Map<string, Repair>();

  /** After how many ms the object, by uid, may be repaired; 0: now. */
  waitMs(uid: string, nowMs: number): number {
    const last = this.#last.get(uid);
    return last ? Math.max(0, last.atMs + last.intervalMs - nowMs) : 0;
  }

  /**
   * Takes down that the object is repaired now.
   *
   * @returns how many repairs there were in a row, this one included.
   */
  repairs(uid: string, nowMs: number): number {
    const last = this.#last.get(uid);
    const goesOn = last !== undefined && nowMs - last.atMs <= 2 * last.intervalMs;
    const intervalMs = goesOn ? Math.min(2 * last.intervalMs, MAX_INTERVAL_MS) : FIRST_INTERVAL_MS;
    const inARow = goesOn ? last.inARow + 1 : 1;
    this.#last.set(uid, { atMs: nowMs, intervalMs, inARow });
    return inARow;
  }

  forget(uid: string): void {
    this.#last.delete(uid);
  }
}
