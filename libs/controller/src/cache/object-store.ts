import type { ObjectKey, Resource } from '../objects/resources.ts';
import { keyOf, keyToString } from '../objects/resources.ts';
import type { ChangeEvent } from './object-cache.ts';

export interface StoreChange<T extends Resource> {
  event: ChangeEvent;
  object: T;
  previous: T | undefined;
}

interface Index<T> {
  values(object: T): string[];
  keysByValue: Map<string, Set<string>>;
}

/** Objects by key with indexes; says what each new state changed. Pure: no I/O, no clock. */
export class ObjectStore<T extends Resource> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyToString(key));
  }

  values(): T[] {
    return [...this.#objects.values()];
  }

  addIndex(name: string, values: (object: T) => string[]): void {
    if (this.#indexes.has(name)) throw new Error(`Index ${name} exists already; give it another name.`);
    const index: Index<T> = { values, keysByValue: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) addToIndex(index, key, object);
  }

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`There is no index ${name}; call addIndex first.`);
    const keys = index.keysByValue.get(value) ?? [];
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
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
    for (const index of this.#indexes.values()) if (previous) removeFromIndex(index, key, previous);
    if (!object) {
      this.#objects.delete(key);
      return;
    }
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) addToIndex(index, key, object);
  }
}

function isSame(a: Resource, b: Resource): boolean {
  return a.metadata.uid === b.metadata.uid;
}

function addToIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const keys = index.keysByValue.get(value);
    if (keys) keys.add(key);
    else index.keysByValue.set(value, new Set([key]));
  }
}

function removeFromIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const keys = index.keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keysByValue.delete(value);
  }
}

function isSameVersion(a: Resource, b: Resource): boolean {
  return a.metadata.resourceVersion !== undefined && a.metadata.resourceVersion === b.metadata.resourceVersion;
}
