const WINDOW_MS = 1_000;

/**
 * So many tokens per second, in equal parts for the shares that asked for one in this second or the last: one that asks
 * alone has all of them, and one that has just begun to ask has its part a second later at most, however many the others
 * would take.
 */
export class FairTokens {
  readonly #perSecond: number;
  readonly #now: () => number;
  #windowMs: number;
  #left: number;
  /** Tokens taken in this second, by share; 0: it asked in vain. */
  #taken = new Map<string, number>();
  /** Shares that asked in the second before. */
  #askedBefore: ReadonlySet<string> = new Set();
  /** Shares that asked in either. */
  #asking = 0;

  /** @param now monotonic, ms */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#windowMs = now();
    this.#left = perSecond;
  }

  /** Takes a token of a share's part, which is one at least while any is left. @returns false when there is none now */
  take(share: string): boolean {
    this.#turnWindow();
    const taken = this.#taken.get(share);
    if (taken === undefined) {
      this.#taken.set(share, 0);
      if (!this.#askedBefore.has(share)) this.#asking++;
    }
    const part = Math.max(1, Math.floor(this.#perSecond / this.#asking));
    if (this.#left === 0 || (taken ?? 0) >= part) return false;
    this.#left--;
    this.#taken.set(share, (taken ?? 0) + 1);
    return true;
  }

  #turnWindow(): void {
    const passed = Math.floor((this.#now() - this.#windowMs) / WINDOW_MS);
    if (passed < 1) return;
    this.#windowMs += passed * WINDOW_MS;
    this.#askedBefore = passed === 1 ? new Set(this.#taken.keys()) : new Set();
    this.#asking = this.#askedBefore.size;
    this.#taken = new Map();
    this.#left = this.#perSecond;
  }
}
