/** Orders any two different objects, always in the same way, whatever else changes in them. */
export type ObjectOrder<T> = (a: T, b: T) => number;

/** The objects of one value, by key. */
interface Bucket<T> extends Iterable<T> {
  readonly size: number;
  add(key: string, object: T): void;
  remove(key: string, object: T): void;
}

/** Objects by the values that a function gives for them. Pure: no I/O, no clock. */
export class ObjectIndex<T> {
  readonly #values: (object: T) => string[];
  readonly #order: ObjectOrder<T> | undefined;
  readonly #buckets = new Map<string, Bucket<T>>();

  /** @param order in which the objects of a value stand; absent: as they came. */
  constructor(values: (object: T) => string[], order?: ObjectOrder<T>) {
    this.#values = values;
    this.#order = order;
  }

  add(key: string, object: T): void {
    for (const value of this.#values(object)) {
      let bucket = this.#buckets.get(value);
      if (!bucket)
        this.#buckets.set(value, (bucket = this.#order ? new OrderedBucket(this.#order) : new ArrivalBucket()));
      bucket.add(key, object);
    }
  }

  remove(key: string, object: T): void {
    for (const value of this.#values(object)) {
      const bucket = this.#buckets.get(value);
      bucket?.remove(key, object);
      if (bucket?.size === 0) this.#buckets.delete(value);
    }
  }

  /** The objects of a value, without a copy of the list: read it to where it is needed before anything else happens. */
  of(value: string): Iterable<T> {
    return this.#buckets.get(value) ?? [];
  }
}

/** In the order of arrival. */
class ArrivalBucket<T> implements Bucket<T> {
  readonly #objects = new Map<string, T>();

  get size(): number {
    return this.#objects.size;
  }

  add(key: string, object: T): void {
    this.#objects.set(key, object);
  }

  remove(key: string): void {
    this.#objects.delete(key);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#objects.values();
  }
}

/** Sorted: a place is found in O(log n) comparisons, and what stands behind it is moved by the engine, in one go. */
class OrderedBucket<T> implements Bucket<T> {
  readonly #objects: T[] = [];
  readonly #order: ObjectOrder<T>;

  constructor(order: ObjectOrder<T>) {
    this.#order = order;
  }

  get size(): number {
    return this.#objects.length;
  }

  add(_key: string, object: T): void {
    this.#objects.splice(this.#placeOf(object), 0, object);
  }

  remove(_key: string, object: T): void {
    const place = this.#placeOf(object);
    const found = this.#objects[place];
    if (found !== undefined && this.#order(found, object) === 0) this.#objects.splice(place, 1);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#objects.values();
  }

  /** Of the first object that does not come before this one. */
  #placeOf(object: T): number {
    let from = 0;
    let to = this.#objects.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#order(this.#objects[middle]!, object) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
