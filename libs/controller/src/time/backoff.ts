/**
 * Grows from `minMs` by doubling to `maxMs`, each step stretched at random by up to `jitter` (1 = doubled).
 * @param random in [0, 1)
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #jitter: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: { minMs: number; maxMs: number; jitter: number }, random: () => number = Math.random) {
    this.#minMs = options.minMs;
    this.#maxMs = options.maxMs;
    this.#jitter = options.jitter;
    this.#random = random;
  }

  nextMs(): number {
    const base = exponentialMs(this.#failures++, this.#minMs, this.#maxMs);
    return Math.min(base * (1 + this.#random() * this.#jitter), this.#maxMs * (1 + this.#jitter));
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** `minMs`·2^`failures`, at most `maxMs`. */
export function exponentialMs(failures: number, minMs: number, maxMs: number): number {
  return Math.min(minMs * 2 ** Math.min(failures, 60), maxMs);
}
