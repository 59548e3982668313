import { SeenIds } from './seen-ids.ts';

/** Backups that failed one after the other, whose writes are all held; after more of them any job may have changed. */
const MOST_FAILED = 8;

/**
 * Which jobs of a queue may have been written since the last backup of it that was finished, in bounded memory. Writes
 * are noted all the time, also while a backup is taken: those belong to the next one too. No I/O.
 */
export class WrittenJobs {
  /** Since the backup that is being taken began, or the last one. */
  #current = new SeenIds();
  /** Before that, and since the last one that was finished; undefined: any job may have been. */
  #before: readonly SeenIds[] | undefined;
  #knowsNone = false;

  /** A job was written. */
  note(id: string): void {
    this.#current.add(id);
  }

  /** From now on nobody knows which jobs are written. */
  noteAll(): void {
    this.#knowsNone = true;
    this.#current = new SeenIds();
    this.#before = undefined;
  }

  /** A backup begins to read. */
  begin(): void {
    const before = this.#before && [...this.#before, this.#current];
    this.#before = before && before.length <= MOST_FAILED ? before : undefined;
    this.#current = new SeenIds();
  }

  /** The backup is written to its end: the next one has only to know what was written since it began. */
  finish(): void {
    if (!this.#knowsNone) this.#before = [];
  }

  /** Whether a job may have been written since the last backup that was finished. */
  has(id: string): boolean {
    return !this.#before || this.#current.has(id) || this.#before.some((each) => each.has(id));
  }
}
