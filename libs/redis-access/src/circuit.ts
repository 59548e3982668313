const MIN_OPEN_MS = 500;
/** With the deadline of the probe that follows, an outage ends in the conditions within 10 s after it has ended. */
const MAX_OPEN_MS = 6_000;
/** An outage gives one cause for so long, so that a Redis that fails in turns does not change conditions in turns. */
const CAUSE_MS = 60_000;

/** What a call that is about to begin has to do. */
export type Admission =
  /** Begin: the Redis answered the last time. */
  | { readonly kind: 'call' }
  /** Begin alone: whether it answers is not known. The others wait for the outcome. */
  | { readonly kind: 'probe' }
  /** Not begin: it did not answer, and is not asked again yet. */
  | { readonly kind: 'refuse'; readonly cause: unknown };

/** Of one outage: the calls that were under way when it was noticed fail with it, and count once. */
export type Outage = number;

/**
 * What is known of one Redis, from the outcomes of its calls (a circuit breaker: Nygard, "Release It!", 2007, ch. 5).
 * Pure: times come in as parameters, in monotonic ms.
 */
export class Circuit {
  #answered = false;
  #failures = 0;
  #outage: Outage = 0;
  #openUntilMs = -Infinity;
  #cause: { readonly error: unknown; readonly sinceMs: number } | undefined;

  /** Which outage a call that begins now would be the first to notice. */
  get outage(): Outage {
    return this.#outage;
  }

  /** Whether it has neither answered nor failed yet. */
  get isUnknown(): boolean {
    return !this.#answered && this.#failures === 0;
  }

  isOpen(nowMs: number): boolean {
    return nowMs < this.#openUntilMs;
  }

  /** Until a call is let through again, ms. */
  retryAfterMs(nowMs: number): number {
    return Math.max(0, this.#openUntilMs - nowMs);
  }

  admit(nowMs: number): Admission {
    if (this.isOpen(nowMs)) return { kind: 'refuse', cause: this.#cause?.error };
    return { kind: this.#answered ? 'call' : 'probe' };
  }

  /** @returns whether an outage has ended. */
  succeed(): boolean {
    const recovered = this.#failures > 0;
    this.#answered = true;
    this.#failures = 0;
    this.#openUntilMs = -Infinity;
    this.#cause = undefined;
    return recovered;
  }

  /**
   * Opens for 0.5 s, and for twice as long each time, up to 6 s.
   *
   * @param outage as it was when the call began.
   * @returns the cause to report, and whether the circuit has opened by this call.
   */
  fail(error: unknown, outage: Outage, nowMs: number): { readonly cause: unknown; readonly opened: boolean } {
    if (!this.#cause || nowMs - this.#cause.sinceMs >= CAUSE_MS) this.#cause = { error, sinceMs: nowMs };
    const { error: cause } = this.#cause;
    if (outage !== this.#outage) return { cause, opened: false };
    this.#outage++;
    this.#answered = false;
    this.#openUntilMs = nowMs + Math.min(MIN_OPEN_MS * 2 ** this.#failures, MAX_OPEN_MS);
    this.#failures++;
    return { cause, opened: true };
  }

  /** Its connection was established: it is probed at once. */
  retry(): void {
    this.#openUntilMs = -Infinity;
  }
}
