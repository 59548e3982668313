import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** How long the event loop kept what was due waiting, over some time. */
export interface Lag {
  /** All but one in a hundred moments of that time waited less. */
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** How often the loop is asked to be on time; what blocks it for less is no trouble to anybody. */
const EVERY_MS = 50;
/** A longer lag (a machine that slept) is counted as this. */
const MOST_MS = 60_000;

/**
 * Measures how late the event loop is, by a timer. A block of a second makes one timer late, and yet everything that
 * became due within that second had to wait: each late timer counts for all that were due meanwhile, as HdrHistogram
 * corrects for "coordinated omission" (recordValueWithExpectedInterval). Node's own monitor counts it once, so that a
 * handler that blocks the loop for a second of every ten does not show in its 99th percentile.
 */
export class EventLoopLag {
  readonly #now: () => number;
  readonly #observe: (lagMs: number) => void;
  readonly #histogram: RecordableHistogram = createHistogram();
  #dueMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param observe gets every lag, corrected @param now monotonic ms */
  constructor(observe: (lagMs: number) => void, now: () => number) {
    this.#observe = observe;
    this.#now = now;
    this.#dueMs = now() + EVERY_MS;
  }

  start(): void {
    this.#dueMs = this.#now() + EVERY_MS;
    this.#timer = setInterval(() => this.measure(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Notes how late this call is; the timer calls it. */
  measure(): void {
    const nowMs = this.#now();
    const lateMs = Math.min(Math.max(0, nowMs - this.#dueMs), MOST_MS);
    this.#dueMs = nowMs + EVERY_MS;
    let lagMs = lateMs;
    do {
      this.#observe(lagMs);
      this.#histogram.record(Math.max(1, Math.round(lagMs)));
      lagMs -= EVERY_MS;
    } while (lagMs > 0);
  }

  /** The lag since the last call. */
  take(): Lag {
    const histogram = this.#histogram;
    const lag = histogram.count === 0 ? NONE : { p99Ms: histogram.percentile(99), maxMs: histogram.max };
    histogram.reset();
    return lag;
  }
}

const NONE: Lag = { p99Ms: 0, maxMs: 0 };
