import type { Clock } from '@redis-queue/controller';

export interface CoalescerOptions {
  /** Between two deliveries, ms. */
  readonly everyMs: number;
  /** Between two deliveries of one key, ms. */
  readonly everyMsPerKey: number;
}

/**
 * Delivers keys in batches: at once when there is time for it, and otherwise as soon as there is. Each batch costs its
 * receiver a pass over everything, and each key work on all that belongs to it, so neither comes as often as it likes.
 */
export class Coalescer {
  readonly #clock: Clock;
  readonly #options: CoalescerOptions;
  readonly #deliver: (keys: ReadonlySet<string>) => void;
  readonly #due = new Map<string, number>();
  readonly #deliveredAt = new Map<string, number>();
  #lastAt = -Infinity;
  #timer: { readonly atMs: number; cancel(): void } | undefined;

  constructor(clock: Clock, options: CoalescerOptions, deliver: (keys: ReadonlySet<string>) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#deliver = deliver;
  }

  add(key: string): void {
    if (this.#due.has(key)) return;
    const now = this.#clock.now();
    const earliest = (this.#deliveredAt.get(key) ?? -Infinity) + this.#options.everyMsPerKey;
    this.#due.set(key, Math.max(now, earliest));
    this.#arm();
  }

  #arm(): void {
    if (this.#due.size === 0) return;
    const atMs = Math.max(Math.min(...this.#due.values()), this.#lastAt + this.#options.everyMs);
    if (this.#timer && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    const timer = this.#clock.after(Math.max(0, atMs - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#flush();
    });
    this.#timer = { atMs, cancel: () => timer.cancel() };
  }

  #flush(): void {
    const now = this.#clock.now();
    const keys = new Set([...this.#due].filter(([, dueAt]) => dueAt <= now).map(([key]) => key));
    for (const [key, at] of this.#deliveredAt)
      if (at + this.#options.everyMsPerKey <= now) this.#deliveredAt.delete(key);
    for (const key of keys) {
      this.#due.delete(key);
      this.#deliveredAt.set(key, now);
    }
    if (keys.size > 0) this.#lastAt = now;
    this.#arm();
    if (keys.size > 0) this.#deliver(keys);
  }
}
