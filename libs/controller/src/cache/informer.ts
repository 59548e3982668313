import type { Logger } from 'pino';
import type { KubeClient } from '../client/kube-client.ts';
import type { Clock } from '../time/clock.ts';
import type { ObjectKey, Resource, ResourceType } from '../objects/resources.ts';
import { keyOf, keyToString, resourceName } from '../objects/resources.ts';
import { compareResourceVersions } from '../objects/resource-version.ts';
import type { CacheOptions, ChangeHandler, ObjectCache } from './object-cache.ts';
import { ObjectStore, type StoreChange } from './object-store.ts';
import { Reflector, type ReflectorTarget } from './reflector.ts';

export interface InformerOptions {
  client: KubeClient;
  type: ResourceType;
  selection: CacheOptions;
  log: Logger;
  clock: Clock;
  random?: () => number;
  onRequest?: (kind: 'list' | 'watch') => void;
}

interface Waiter {
  ready(): boolean;
  resolve(): void;
}

/** An `ObjectCache` and the reflector that fills it. */
export class Informer<T extends Resource> implements ObjectCache<T>, ReflectorTarget<T> {
  readonly type: ResourceType;
  readonly #options: InformerOptions;
  readonly #store = new ObjectStore<T>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #waiters = new Set<Waiter>();
  #lastVersion: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: InformerOptions) {
    this.type = options.type;
    this.#options = options;
  }

  /** Follows the API server until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    this.#running ??= new Reflector<T>({ ...this.#options, target: this }).run(signal);
    return this.#running;
  }

  get hasSynced(): boolean {
    return this.#lastVersion !== undefined;
  }

  get lastSyncResourceVersion(): string | undefined {
    return this.#lastVersion;
  }

  get size(): number {
    return this.#store.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  list(namespace?: string): T[] {
    const all = this.#store.values();
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  addIndex(name: string, values: (object: T) => string[]): void {
    this.#store.addIndex(name, values);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.values()) {
      this.#call(handler, { event: 'add', object, previous: undefined }, true);
    }
    return () => this.#handlers.delete(handler);
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.hasSynced, signal);
  }

  /**
   * Resolves when the cache shows the write that gave `key` this version, or anything newer.
   * Rejects when `signal` aborts before. Where versions are not numbers it resolves at once.
   */
  whenShows(key: ObjectKey, resourceVersion: string, signal: AbortSignal): Promise<void> {
    return this.#until(() => this.shows(key, resourceVersion), signal);
  }

  shows(key: ObjectKey, resourceVersion: string): boolean {
    const seen = [this.#store.get(key)?.metadata.resourceVersion, this.#lastVersion];
    return seen.some(
      (version) => version !== undefined && (compareResourceVersions(version, resourceVersion) ?? 0) >= 0,
    );
  }

  replace(objects: T[], resourceVersion: string): void {
    const initial = !this.hasSynced;
    const changes = this.#store.replace(objects);
    this.#lastVersion = resourceVersion;
    this.#publish(changes, initial);
    this.#wake();
  }

  upsert(object: T): void {
    this.#publish(this.#store.upsert(object), false);
  }

  remove(object: T): void {
    this.#publish(this.#store.remove(object), false);
  }

  progress(resourceVersion: string): void {
    this.#lastVersion = resourceVersion;
    this.#wake();
  }

  #publish(changes: StoreChange<T>[], initial: boolean): void {
    for (const change of changes) for (const handler of this.#handlers) this.#call(handler, change, initial);
  }

  #call(handler: ChangeHandler<T>, { event, object, previous }: StoreChange<T>, initial: boolean): void {
    try {
      handler(event, object, previous, { initial });
    } catch (error) {
      const context = { err: error, resource: resourceName(this.type), object: keyToString(keyOf(object)), event };
      this.#options.log.error(context, 'a change handler threw');
    }
  }

  #until(ready: () => boolean, signal?: AbortSignal): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        ready,
        resolve: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = (): void => {
        this.#waiters.delete(waiter);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.ready()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
