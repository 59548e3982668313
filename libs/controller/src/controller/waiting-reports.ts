import type { Clock } from '../time/clock.ts';
import type { WaitingKey } from '../queue/types.ts';
import type { WorkQueue } from '../queue/work-queue.ts';

/**
 * What waits for its turn for longer than this is said to wait: early enough that the report is there within 10 s, and
 * so is that of a reconcile which begins just before and takes a Redis' 3 s to fail.
 */
const REPORT_AFTER_MS = 5_000;
/** Between two looks at the queue, which go through all of its keys. */
const LOOK_EVERY_MS = 1_000;
/** Reports are writes: at most so many per second, so that they do not become the load that others wait for. */
const MAX_PER_LOOK = 50;
/** And so many at once, as each takes a ms or two of the event loop to begin. */
const MAX_AT_ONCE = 10;
const REPORT_EVERY_MS = (LOOK_EVERY_MS * MAX_AT_ONCE) / MAX_PER_LOOK;

/** @returns undefined when there is nothing to say of that key. */
export type ReportWaiting = (key: string, usedUp: string | undefined) => Promise<void> | undefined;

/** Has each key that waits for long in a queue reported once, until it is taken. */
export class WaitingReports {
  readonly #clock: Clock;
  readonly #queue: Pick<WorkQueue, 'waiting' | 'isWaiting'>;
  readonly #report: ReportWaiting;
  #reported = new Set<string>();
  /** Of the last look, those that are not reported yet. */
  #unreported: Iterator<WaitingKey> = [].values();
  #lookAtMs = -Infinity;
  #timer: { cancel(): void } | undefined;

  constructor(clock: Clock, queue: Pick<WorkQueue, 'waiting' | 'isWaiting'>, report: ReportWaiting) {
    this.#clock = clock;
    this.#queue = queue;
    this.#report = report;
  }

  start(): void {
    this.#timer = this.#clock.after(REPORT_EVERY_MS, () => {
      if (this.#clock.now() >= this.#lookAtMs) this.#look();
      this.#reportSome();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    this.#lookAtMs = this.#clock.now() + LOOK_EVERY_MS;
    const waiting = this.#queue.waiting(REPORT_AFTER_MS);
    const before = this.#reported;
    this.#reported = new Set(waiting.map(({ key }) => key).filter((key) => before.has(key)));
    this.#unreported = waiting.filter(({ key }) => !this.#reported.has(key)).values();
  }

  #reportSome(): void {
    for (let reports = 0; reports < MAX_AT_ONCE;) {
      const { value, done } = this.#unreported.next();
      if (done === true) return;
      // A reconcile that has begun meanwhile says more.
      if (!this.#queue.isWaiting(value.key, REPORT_AFTER_MS)) continue;
      this.#reported.add(value.key);
      if (this.#report(value.key, value.usedUp) !== undefined) reports++;
    }
  }
}
