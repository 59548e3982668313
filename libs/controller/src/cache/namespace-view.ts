import type { Resource } from '../objects/resources.ts';
import type { ObjectStore, StoreChange } from './object-store.ts';
import type { ReflectorTarget } from './reflector.ts';

/** The cache to which a view belongs. */
export interface ViewHost<T extends Resource> {
  readonly store: ObjectStore<T>;
  hasSynced(): boolean;
  publish(changes: StoreChange<T>[], initial: boolean): void;
  /** Lets those go on who wait for what the cache shows by now. */
  wake(): void;
}

/** What one reflector has reported: of one namespace of a cache, or of all. */
export class NamespaceView<T extends Resource> implements ReflectorTarget<T> {
  /** Absent: all of them. */
  readonly namespace: string | undefined;
  readonly #host: ViewHost<T>;
  #version: string | undefined;
  #refused = false;

  constructor(host: ViewHost<T>, namespace: string | undefined) {
    this.#host = host;
    this.namespace = namespace;
  }

  /** Up to which the view is complete; undefined before the first list. */
  get version(): string | undefined {
    return this.#version;
  }

  /** Whether the first list was refused, for want of a right or of the namespace, and has not come in since. */
  get refused(): boolean {
    return this.#refused && this.#version === undefined;
  }

  replace(objects: T[], resourceVersion: string): void {
    const initial = !this.#host.hasSynced();
    const changes = this.#host.store.replace(objects, this.namespace);
    this.#version = resourceVersion;
    this.#host.publish(changes, initial);
    this.#host.wake();
  }

  upsert(object: T): void {
    this.#host.publish(this.#host.store.upsert(object), false);
  }

  remove(object: T): void {
    this.#host.publish(this.#host.store.remove(object), false);
  }

  progress(resourceVersion: string): void {
    this.#version = resourceVersion;
    this.#host.wake();
  }

  refuse(): void {
    this.#refused = true;
    this.#host.wake();
  }
}
