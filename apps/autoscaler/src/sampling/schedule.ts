/** When each queue is sampled next: one time per queue, the earliest asked for since its last sample. */
export class SampleSchedule {
  readonly #dueMs = new Map<string, number>();
  /** A binary heap by time. Entries that `#dueMs` contradicts are stale and skipped. */
  #heap: Entry[] = [];

  /** Plans a sample of `id` for `atMs`, unless an earlier one is planned already. */
  planBy(id: string, atMs: number): void {
    const due = this.#dueMs.get(id);
    if (due !== undefined && due <= atMs) return;
    this.#dueMs.set(id, atMs);
    this.#push({ id, atMs });
    if (this.#heap.length > 2 * this.#dueMs.size + 64) this.#rebuild();
  }

  delete(id: string): void {
    this.#dueMs.delete(id);
  }

  /** Takes out what is due, the earliest first: each id with the time at which it was due. */
  takeDue(nowMs: number): { id: string; atMs: number }[] {
    const due: Entry[] = [];
    for (let top = this.#top(); top !== undefined && top.atMs <= nowMs; top = this.#top()) {
      this.#pop();
      this.#dueMs.delete(top.id);
      due.push(top);
    }
    return due;
  }

  /** When the next sample is due; undefined when none is planned. */
  nextMs(): number | undefined {
    return this.#top()?.atMs;
  }

  get size(): number {
    return this.#dueMs.size;
  }

  #top(): Entry | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#dueMs.get(top.id) === top.atMs) return top;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && heap[parent]!.atMs > entry.atMs; parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = left + 1 < heap.length && heap[left + 1]!.atMs < heap[left]!.atMs ? left + 1 : left;
      if (child >= heap.length || heap[child]!.atMs >= last.atMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }

  #rebuild(): void {
    this.#heap = [];
    for (const [id, atMs] of this.#dueMs) this.#push({ id, atMs });
  }
}

interface Entry {
  readonly id: string;
  readonly atMs: number;
}
