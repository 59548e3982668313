import type { ObjectKey, Resource } from '../objects/resources.ts';
import { keyOf, keyToString } from '../objects/resources.ts';
import type { ChangeEvent } from './object-cache.ts';
import { ObjectIndex, type ObjectOrder } from './object-index.ts';

export interface StoreChange<T extends Resource> {
  event: ChangeEvent;
  object: T;
  previous: T | undefined;
}

/** Objects by key with indexes; says what each new state changed. Pure: no I/O, no clock. */
export class ObjectStore<T extends Resource> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, ObjectIndex<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyToString(key));
  }

  values(): T[] {
    return [...this.#objects.values()];
  }

  addIndex(name: string, values: (object: T) => string[], order?: ObjectOrder<T>): void {
    if (this.#indexes.has(name)) throw new Error(`Index ${name} exists already; give it another name.`);
    const index = new ObjectIndex(values, order);
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) index.add(key, object);
  }

  byIndex(name: string, value: string): T[] {
    return [...this.eachByIndex(name, value)];
  }

  eachByIndex(name: string, value: string): Iterable<T> {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`There is no index ${name}; call addIndex first.`);
    return index.of(value);
  }

  /** An object as it is now. Another uid under a known name is a deletion and a creation. */
  upsert(object: T): StoreChange<T>[] {
    const key = keyToString(keyOf(object));
    const previous = this.#objects.get(key);
    if (previous && isSame(previous, object) && isSameVersion(previous, object)) return [];
    this.#set(key, object, previous);
    if (!previous) return [{ event: 'add', object, previous: undefined }];
    if (isSame(previous, object)) return [{ event: 'update', object, previous }];
    return [
      { event: 'delete', object: previous, previous: undefined },
      { event: 'add', object, previous: undefined },
    ];
  }

  /** `object` is gone; it is the last state, which the server sends along. */
  remove(object: T): StoreChange<T>[] {
    const key = keyToString(keyOf(object));
    const previous = this.#objects.get(key);
    // A late deletion of an earlier object of that name says nothing of the present one.
    if (!previous || !isSame(previous, object)) return [];
    this.#set(key, undefined, previous);
    return [{ event: 'delete', object, previous: undefined }];
  }

  /** The complete list of what exists, everywhere or in one namespace: everything else there is gone. */
  replace(objects: Iterable<T>, namespace?: string): StoreChange<T>[] {
    const changes: StoreChange<T>[] = [];
    const within = ([, object]: [string, T]): boolean => object.metadata.namespace === namespace;
    const gone = new Map(namespace === undefined ? this.#objects : [...this.#objects].filter(within));
    for (const object of objects) {
      gone.delete(keyToString(keyOf(object)));
      changes.push(...this.upsert(object));
    }
    for (const object of gone.values()) changes.push(...this.remove(object));
    return changes;
  }

  #set(key: string, object: T | undefined, previous: T | undefined): void {
    for (const index of this.#indexes.values()) if (previous) index.remove(key, previous);
    if (!object) {
      this.#objects.delete(key);
      return;
    }
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) index.add(key, object);
  }
}

function isSame(a: Resource, b: Resource): boolean {
  return a.metadata.uid === b.metadata.uid;
}

function isSameVersion(a: Resource, b: Resource): boolean {
  return a.metadata.resourceVersion !== undefined && a.metadata.resourceVersion === b.metadata.resourceVersion;
}
