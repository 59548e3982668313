import { WAKE_FOLLOW_UPS_MS } from './cadence.ts';

/** Jobs that are added one by one are notified within this time of each other. */
const SETTLE_MS = 8;
/** A stream of notifications is sampled after this long, whatever else comes. */
const LONGEST_SETTLE_MS = 40;

/**
 * One wake-up of a queue at rest. The queue is sampled once the notifications have settled, so that jobs added one by
 * one count as the burst that they are and the pool gets its size in one change; then at fixed times, so that the size
 * follows a burst while it grows.
 */
export class WakeUp {
  readonly #startedMs: number;
  #notifiedMs: number;
  #sampled = false;
  #decided = false;
  readonly #followUps: number[];

  /** @param nowMs when the first notification came. */
  constructor(nowMs: number) {
    this.#startedMs = nowMs;
    this.#notifiedMs = nowMs;
    this.#followUps = WAKE_FOLLOW_UPS_MS.map((afterMs) => nowMs + afterMs);
  }

  /** Another notification came. */
  notified(nowMs: number): void {
    this.#notifiedMs = nowMs;
  }

  /** When the first sample is due; undefined when it is due now, or was taken. */
  settledMs(nowMs: number): number | undefined {
    const settledMs = Math.min(this.#notifiedMs + SETTLE_MS, this.#startedMs + LONGEST_SETTLE_MS);
    return this.#sampled || settledMs <= nowMs ? undefined : settledMs;
  }

  /** A sample was taken. @returns when the next one is due; undefined when there are no more. */
  takeFollowUp(): number | undefined {
    this.#sampled = true;
    return this.#followUps.shift();
  }

  /**
   * A decision is on the bus. @returns how long it took from the first notification, ms; undefined for later decisions.
   */
  decidedAfterMs(nowMs: number): number | undefined {
    if (this.#decided) return undefined;
    this.#decided = true;
    return nowMs - this.#startedMs;
  }
}
