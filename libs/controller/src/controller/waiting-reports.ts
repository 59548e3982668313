import type { Clock } from '../time/clock.ts';
import type { WaitingKey } from '../queue/types.ts';
import type { WorkQueue } from '../queue/work-queue.ts';
import { loopTurns } from '../time/loop-turns.ts';

/**
 * What waits for its turn for longer than this is said to wait: early enough that the report is there within 10 s, and
 * so is that of a reconcile which begins just before and takes a Redis' 3 s to fail.
 */
const REPORT_AFTER_MS = 5_000;
const EVERY_MS = 1_000;
/** Reports are writes: at most so many per second, so that they do not become the load that others wait for. */
const MAX_PER_ROUND = 50;

/** @returns undefined when there is nothing to say of that key. */
export type ReportWaiting = (key: string, usedUp: string | undefined) => Promise<void> | undefined;

/** Has each key that waits for long in a queue reported once, until it is taken. */
export class WaitingReports {
  readonly #clock: Clock;
  readonly #queue: Pick<WorkQueue, 'waiting' | 'waits'>;
  readonly #report: ReportWaiting;
  #reported = new Set<string>();
  #timer: { cancel(): void } | undefined;
  /** A round is under way. */
  #busy = false;
  #stopped = false;

  constructor(clock: Clock, queue: Pick<WorkQueue, 'waiting' | 'waits'>, report: ReportWaiting) {
    this.#clock = clock;
    this.#queue = queue;
    this.#report = report;
  }

  start(): void {
    this.#timer = this.#clock.after(EVERY_MS, () => {
      void this.#round();
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#reportThose(this.#queue.waiting(REPORT_AFTER_MS));
    } finally {
      this.#busy = false;
    }
  }

  async #reportThose(waiting: readonly WaitingKey[]): Promise<void> {
    const before = this.#reported;
    this.#reported = new Set(waiting.map(({ key }) => key).filter((key) => before.has(key)));
    let reports = 0;
    for (const { key, usedUp } of waiting) {
      if (this.#reported.has(key)) continue;
      // oxlint-disable-next-line no-await-in-loop -- many wait where the process is busy already
      await loopTurns.next();
      if (this.#stopped || reports >= MAX_PER_ROUND) return;
      // It may have been taken meanwhile.
      if (!this.#queue.waits(key)) continue;
      this.#reported.add(key);
      if (this.#report(key, usedUp) !== undefined) reports++;
    }
  }
}
