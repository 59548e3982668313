/** Checks that have to agree, one every 2.5 s: what is due is fetched within milliseconds. */
const AGREEING_CHECKS = 4;

/** What a check comes to: another worker should take the place of this one; none has fetched anything for as long. */
export type FetchState = 'fetches' | 'replace' | 'stuck';

/**
 * Judges by regular checks whether the worker still fetches what is due; one that does not, for whatever reason, would
 * consume nothing any more while all else works. Pure.
 */
export class FetchWatch {
  #fetched = true;
  #agreeing = 0;

  /** A decision was handed over. */
  fetched(): void {
    this.#fetched = true;
  }

  /**
   * Ends a check of a bus that answers.
   *
   * @param due decisions that may be fetched.
   * @param hasRoom whether the worker holds fewer than it may.
   */
  checked(due: number, hasRoom: boolean): FetchState {
    const isStuck = due > 0 && hasRoom && !this.#fetched;
    this.#fetched = false;
    this.#agreeing = isStuck ? this.#agreeing + 1 : 0;
    if (this.#agreeing < AGREEING_CHECKS) return 'fetches';
    return this.#agreeing % AGREEING_CHECKS === 0 ? 'replace' : 'stuck';
  }
}
