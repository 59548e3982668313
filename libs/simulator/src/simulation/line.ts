import { Fifo } from './fifo.ts';

/** A job in line: its index in the workload, since when it is ready, and which attempt of it. */
export interface InLine {
  readonly job: number;
  readonly readyMs: number;
  readonly attempt: number;
  /** It has been started before (BullMQ's `ats`): retries, and what was handed back or lost its worker. */
  readonly ran: boolean;
}

/**
 * Heads that the sampler reads to find one that has not run before; the script that reads the heads of lines reads as
 * many.
 */
const HEADS_LOOKED_AT = 5;

/**
 * What is ready, in BullMQ's order: jobs without priority first, then 1, 2, …; within one, first come, first served.
 */
export class Line {
  readonly #byPriority: Fifo<InLine>[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(priority: number, entry: InLine): void {
    this.#of(priority).push(entry);
    this.#length++;
  }

  /** What was handed back or recovered stands in front. */
  unshift(priority: number, entry: InLine): void {
    this.#of(priority).unshift(entry);
    this.#length++;
  }

  shift(): InLine | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    return this.#byPriority.find((fifo) => fifo !== undefined && fifo.length > 0)!.shift();
  }

  /**
   * Since when the job next in line has been ready, as the sampler reports it: of the jobs without priority and the one
   * that is served next of those with, the older; what has run before is passed over, because when it became ready is
   * not recorded.
   */
  headReadyMs(): number | undefined {
    const [plain, ...prioritized] = this.#byPriority;
    const heads = [plain, prioritized.find((fifo) => fifo !== undefined && fifo.length > 0)];
    const ready = heads.flatMap((fifo) => {
      const fresh = fifo?.first(HEADS_LOOKED_AT).find(({ ran }) => !ran);
      return fresh === undefined ? [] : [fresh.readyMs];
    });
    return ready.length === 0 ? undefined : Math.min(...ready);
  }

  #of(priority: number): Fifo<InLine> {
    return (this.#byPriority[priority] ??= new Fifo());
  }
}
