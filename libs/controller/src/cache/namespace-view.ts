import type { Resource } from '../objects/resources.ts';
import type { ObjectStore, StoreChange } from './object-store.ts';
import type { ReflectorTarget } from './reflector.ts';

/**
 * How long a list has to be refused before its objects are dropped, ms: an authorizer may answer wrongly for a moment.
 * A watch that is open ends within ten minutes of the loss of the right; only then is it refused.
 */
export const REVOKED_AFTER_MS = 60_000;

/** The cache to which a view belongs. */
export interface ViewHost<T extends Resource> {
  readonly store: ObjectStore<T>;
  hasSynced(): boolean;
  publish(changes: StoreChange<T>[], initial: boolean): void;
  /** Lets those go on who wait for what the cache shows by now. */
  wake(): void;
  /** Whether the objects of a namespace that may not be listed any more are dropped. */
  dropsRevoked(): boolean;
  /** They were dropped; `namespace` is absent for all namespaces. */
  revoked(namespace: string | undefined, objects: number): void;
}

/** What one reflector has reported: of one namespace of a cache, or of all. */
export class NamespaceView<T extends Resource> implements ReflectorTarget<T> {
  /** Absent: all of them. */
  readonly namespace: string | undefined;
  readonly #host: ViewHost<T>;
  #version: string | undefined;
  #refused = false;
  #refusedSinceMs: number | undefined;
  #revoked = false;

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

  /** Whether its objects were dropped because it may not be listed any more. */
  get revoked(): boolean {
    return this.#revoked;
  }

  replace(objects: T[], resourceVersion: string): void {
    const initial = !this.#host.hasSynced();
    const changes = this.#host.store.replace(objects, this.namespace);
    this.#version = resourceVersion;
    this.#refusedSinceMs = undefined;
    this.#revoked = false;
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

  refuse(nowMs: number): void {
    this.#refused = true;
    this.#refusedSinceMs ??= nowMs;
    if (nowMs - this.#refusedSinceMs >= REVOKED_AFTER_MS) this.#revoke();
    this.#host.wake();
  }

  #revoke(): void {
    if (this.#revoked || this.#version === undefined || !this.#host.dropsRevoked()) return;
    this.#revoked = true;
    const changes = this.#host.store.replace([], this.namespace);
    this.#host.publish(changes, false);
    this.#host.revoked(this.namespace, changes.length);
  }
}
