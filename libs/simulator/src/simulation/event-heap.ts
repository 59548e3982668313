/** A binary heap of events by time; events at the same time come out in the order they went in. */
export class EventHeap<T> {
  readonly #heap: Event<T>[] = [];
  #pushed = 0;

  push(atMs: number, what: T): void {
    const heap = this.#heap;
    const event = { atMs, order: this.#pushed++, what };
    let at = heap.push(event) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(event, heap[parent]!); parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  /** Infinity when there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.what;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left;
      if (child >= heap.length || !isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first.what;
  }

  get size(): number {
    return this.#heap.length;
  }
}

interface Event<T> {
  readonly atMs: number;
  readonly order: number;
  readonly what: T;
}

function isBefore(a: Event<unknown>, b: Event<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
