/** How what is in Redis differs from a backup. */
export interface Differences {
  /** Jobs that were compared. */
  readonly jobs: number;
  readonly count: number;
  /** The first of them, for people. At most 20. */
  readonly first: readonly string[];
}

const MOST_NAMED = 20;
/** About 20 MB. What is found beyond counts, and is not taken back. */
const MOST_OPEN = 100_000;

/**
 * Collects differences in bounded memory. A backup that was read page by page may have a job twice, of which the later
 * record holds: a difference from the earlier one is taken back when the later one agrees.
 */
export class DifferenceList {
  readonly #open = new Map<string, string>();
  #beyond = 0;

  /** @param subject what is compared; `difference` in words, undefined when there is none. */
  note(subject: string, difference: string | undefined): void {
    if (difference === undefined) this.#open.delete(subject);
    else if (this.#open.size < MOST_OPEN || this.#open.has(subject)) this.#open.set(subject, difference);
    else this.#beyond++;
  }

  list(jobs: number): Differences {
    return { jobs, count: this.#open.size + this.#beyond, first: [...this.#open.values()].slice(0, MOST_NAMED) };
  }
}
