/** First in, first out, with removal from anywhere; every operation is constant time on average. */
export class Band<T> {
  #entries: (T | undefined)[] = [];
  #head = 0;
  readonly #positions = new Map<T, number>();
  /** How many entries were cut off in front: positions stay valid. */
  #cut = 0;

  get size(): number {
    return this.#positions.size;
  }

  push(item: T): void {
    this.#positions.set(item, this.#cut + this.#entries.push(item) - 1);
  }

  peek(): T | undefined {
    while (this.#head < this.#entries.length && this.#entries[this.#head] === undefined) this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#cut += this.#head;
      this.#head = 0;
    }
    return this.#entries[this.#head];
  }

  remove(item: T): void {
    const position = this.#positions.get(item);
    if (position === undefined) return;
    this.#positions.delete(item);
    this.#entries[position - this.#cut] = undefined;
    if (this.#positions.size > 0) return;
    this.#entries = [];
    this.#head = 0;
    this.#cut = 0;
  }
}
