/** When delayed jobs are due, sorted. */
export class DelayedJobs {
  #dueMs: number[] = [];
  #from = 0;

  get size(): number {
    return this.#dueMs.length - this.#from;
  }

  add(dueMs: number): void {
    this.#dueMs.splice(this.#after(dueMs), 0, dueMs);
  }

  removeFirst(): void {
    this.#from++;
    if (this.#from < 1_024 || this.#from * 2 < this.#dueMs.length) return;
    this.#dueMs = this.#dueMs.slice(this.#from);
    this.#from = 0;
  }

  /** One that is due at `dueMs` is removed. */
  remove(dueMs: number): void {
    const at = this.#after(dueMs) - 1;
    if (at < this.#from || this.#dueMs[at] !== dueMs) throw new RangeError(`no delayed job is due at ${dueMs}`);
    this.#dueMs.splice(at, 1);
  }

  /** Infinity when there is none. */
  nextMs(): number {
    return this.#dueMs[this.#from] ?? Infinity;
  }

  /** How many are due at `atMs` or before. */
  dueUntil(atMs: number): number {
    return this.#after(atMs) - this.#from;
  }

  /** The index behind all that are due at `atMs` or before. */
  #after(atMs: number): number {
    let [low, high] = [this.#from, this.#dueMs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#dueMs[middle]! <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
