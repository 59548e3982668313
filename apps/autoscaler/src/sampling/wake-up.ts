import { WAKE_FOLLOW_UPS_MS } from './cadence.ts';

/** News of a queue: jobs that are added one by one come this close to each other. */
const SETTLE_MS = 8;
/** A stream of news is looked at after this long, whatever more comes. */
const LONGEST_SETTLE_MS = 40;

/**
 * One waking of a queue at rest: a look once the news has settled, so that jobs added one by one count as the burst they are
 * and the pool gets its size in one change; then further looks, so that the size follows a burst while it grows.
 */
export class Wake {
  readonly #atMs: number;
  #newsMs: number;
  #looked = false;
  #told = false;
  readonly #followUps: number[];

  /** @param nowMs when the news came. */
  constructor(nowMs: number) {
    this.#atMs = nowMs;
    this.#newsMs = nowMs;
    this.#followUps = WAKE_FOLLOW_UPS_MS.map((afterMs) => nowMs + afterMs);
  }

  moreNews(nowMs: number): void {
    this.#newsMs = nowMs;
  }

  /** When the first look is to be taken; undefined when it is time, or was taken. */
  settledMs(nowMs: number): number | undefined {
    const settledMs = Math.min(this.#newsMs + SETTLE_MS, this.#atMs + LONGEST_SETTLE_MS);
    return this.#looked || settledMs <= nowMs ? undefined : settledMs;
  }

  /** A look was taken. @returns when the next one is to be; undefined: no more. */
  takeFollowUp(): number | undefined {
    this.#looked = true;
    return this.#followUps.shift();
  }

  /** A decision is on the bus. @returns how long after the news, for the first one; undefined for later ones. */
  toldAfterMs(nowMs: number): number | undefined {
    if (this.#told) return undefined;
    this.#told = true;
    return nowMs - this.#atMs;
  }
}
