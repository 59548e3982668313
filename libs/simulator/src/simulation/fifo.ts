/** A line in which somebody may also be put first. */
export class Fifo<T> {
  #entries: T[] = [];
  #from = 0;

  get length(): number {
    return this.#entries.length - this.#from;
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  unshift(entry: T): void {
    if (this.#from > 0) this.#entries[--this.#from] = entry;
    else this.#entries.unshift(entry);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const entry = this.#entries[this.#from++]!;
    if (this.#from > 1_024 && this.#from * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#from);
      this.#from = 0;
    }
    return entry;
  }

  first(n: number): T[] {
    return this.#entries.slice(this.#from, this.#from + n);
  }
}
