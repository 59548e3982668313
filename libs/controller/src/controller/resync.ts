import type { Clock } from '../time/clock.ts';

export interface ResyncOptions {
  clock: Clock;
  random?: () => number;
  intervalMs?: number;
}

const TEN_HOURS_MS = 36_000_000;

/** Calls back every 10 h ± 10 %, so that replicas and controllers do not do it together. */
export class Resync {
  readonly #options: ResyncOptions;
  readonly #resync: () => void;
  #timer: { cancel(): void } | undefined;

  constructor(options: ResyncOptions, resync: () => void) {
    this.#options = options;
    this.#resync = resync;
  }

  start(): void {
    const { clock, random = Math.random, intervalMs = TEN_HOURS_MS } = this.#options;
    this.#timer = clock.after(intervalMs * (0.9 + 0.2 * random()), () => {
      this.#resync();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
