import type { Clock } from '../time/clock.ts';
import type { WorkQueue } from '../queue/work-queue.ts';

/**
 * What waits for its turn for longer than this is said to wait: early enough that the report is there within 10 s, and
 * so is that of a reconcile which begins just before and takes a Redis' 3 s to fail.
 */
const REPORT_AFTER_MS = 5_000;
const EVERY_MS = 200;
/**
 * Reports are writes: at most 50 per second, so that they do not become the load that others wait for, and few at once,
 * as each takes a ms or two of the event loop to begin.
 */
const MAX_PER_ROUND = 10;

/** @returns undefined when there is nothing to say of that key. */
export type ReportWaiting = (key: string, usedUp: string | undefined) => Promise<void> | undefined;

/** Has each key that waits for long in a queue reported once, until it is taken. */
export class WaitingReports {
  readonly #clock: Clock;
  readonly #queue: Pick<WorkQueue, 'waiting'>;
  readonly #report: ReportWaiting;
  #reported = new Set<string>();
  #timer: { cancel(): void } | undefined;

  constructor(clock: Clock, queue: Pick<WorkQueue, 'waiting'>, report: ReportWaiting) {
    this.#clock = clock;
    this.#queue = queue;
    this.#report = report;
  }

  start(): void {
    this.#timer = this.#clock.after(EVERY_MS, () => {
      this.#round();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #round(): void {
    const waiting = this.#queue.waiting(REPORT_AFTER_MS);
    const before = this.#reported;
    this.#reported = new Set(waiting.map(({ key }) => key).filter((key) => before.has(key)));
    let reports = 0;
    for (const { key, usedUp } of waiting) {
      if (this.#reported.has(key)) continue;
      if (reports >= MAX_PER_ROUND) return;
      this.#reported.add(key);
      if (this.#report(key, usedUp) !== undefined) reports++;
    }
  }
}
