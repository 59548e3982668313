/** A job in line: its index in the workload, when it became ready, and whether it has run before. */
export interface InLine {
  readonly job: number;
  readonly readyMs: number;
  readonly attempt: number;
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
  readonly #byPriority: Fifo[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(priority: number, entry: InLine): void {
    (this.#byPriority[priority] ??= new Fifo()).push(entry);
    this.#length++;
  }

  shift(): InLine | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    return this.#byPriority.find((fifo) => fifo !== undefined && fifo.length > 0)!.shift();
  }

  /**
   * Since when the job next in line has been ready, as the sampler reports it: of the jobs without priority and the one
   * that is served next of those with, the older; retries are passed over, because when they became ready is not
   * recorded.
   */
  headReadyMs(): number | undefined {
    const [plain, ...prioritized] = this.#byPriority;
    const heads = [plain, prioritized.find((fifo) => fifo !== undefined && fifo.length > 0)];
    const ready = heads.flatMap((fifo) => {
      const fresh = fifo?.first(HEADS_LOOKED_AT).find(({ attempt }) => attempt === 0);
      return fresh === undefined ? [] : [fresh.readyMs];
    });
    return ready.length === 0 ? undefined : Math.min(...ready);
  }
}

class Fifo {
  #entries: InLine[] = [];
  #from = 0;

  get length(): number {
    return this.#entries.length - this.#from;
  }

  push(entry: InLine): void {
    this.#entries.push(entry);
  }

  shift(): InLine {
    const entry = this.#entries[this.#from++]!;
    if (this.#from > 1_024 && this.#from * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#from);
      this.#from = 0;
    }
    return entry;
  }

  first(n: number): InLine[] {
    return this.#entries.slice(this.#from, this.#from + n);
  }
}
