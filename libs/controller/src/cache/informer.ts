import type { Logger } from 'pino';
import type { KubeClient } from '../client/kube-client.ts';
import type { Clock } from '../time/clock.ts';
import type { ObjectKey, Resource, ResourceType } from '../objects/resources.ts';
import { keyOf, keyToString, resourceName } from '../objects/resources.ts';
import { compareResourceVersions } from '../objects/resource-version.ts';
import type { CacheOptions, ChangeHandler, ObjectCache } from './object-cache.ts';
import type { ObjectOrder } from './object-index.ts';
import { ObjectStore, type StoreChange } from './object-store.ts';
import { NamespaceView, type ViewHost } from './namespace-view.ts';
import { Reflector } from './reflector.ts';

export interface InformerOptions {
  client: KubeClient;
  type: ResourceType;
  selection: CacheOptions;
  /** Each is listed and watched by itself, all into one cache. Absent: `selection.namespace`, or all. */
  namespaces?: readonly string[];
  log: Logger;
  clock: Clock;
  random?: () => number;
  onRequest?: (kind: 'list' | 'watch') => void;
}

interface Waiter {
  ready(): boolean;
  resolve(): void;
}

/** An `ObjectCache` and the reflectors that fill it: one, or one per namespace. */
export class Informer<T extends Resource> implements ObjectCache<T> {
  readonly type: ResourceType;
  readonly #options: InformerOptions;
  readonly #store = new ObjectStore<T>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #waiters = new Set<Waiter>();
  readonly #views: readonly NamespaceView<T>[];
  #dropsRevoked = false;
  #running: Promise<unknown> | undefined;

  constructor(options: InformerOptions) {
    this.type = options.type;
    this.#options = options;
    const host: ViewHost<T> = {
      store: this.#store,
      hasSynced: () => this.hasSynced,
      publish: (changes, initial) => this.#publish(changes, initial),
      wake: () => this.#wake(),
      dropsRevoked: () => this.#dropsRevoked,
      revoked: (namespace, objects) => this.#logRevoked(namespace, objects),
    };
    const { namespaces = [], selection } = options;
    this.#views =
      namespaces.length > 1
        ? namespaces.map((namespace) => new NamespaceView<T>(host, namespace))
        : [new NamespaceView<T>(host, namespaces[0] ?? selection.namespace)];
  }

  /** Follows the API server until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { selection } = this.#options;
    this.#running ??= Promise.all(
      this.#views.map((target) => {
        const within = target.namespace === undefined ? selection : { ...selection, namespace: target.namespace };
        return new Reflector<T>({ ...this.#options, selection: within, target }).run(signal);
      }),
    );
    await this.#running;
  }

  /** Of several namespaces, one that we may not list, or that is gone, does not keep the others waiting. */
  get hasSynced(): boolean {
    const listed = this.#views.filter(({ version }) => version !== undefined);
    return listed.length > 0 && this.#views.every((view) => view.version !== undefined || view.refused);
  }

  get lastSyncResourceVersion(): string | undefined {
    return this.hasSynced ? newest(this.#views.flatMap(({ version }) => version ?? [])) : undefined;
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

  addIndex(name: string, values: (object: T) => string[], order?: ObjectOrder<T>): void {
    this.#store.addIndex(name, values, order);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  eachByIndex(name: string, value: string): Iterable<T> {
    return this.#store.eachByIndex(name, value);
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.values()) {
      this.#call(handler, { event: 'add', object, previous: undefined }, true);
    }
    return () => this.#handlers.delete(handler);
  }

  dropWhenRevoked(): void {
    this.#dropsRevoked = true;
  }

  /** Lists whose objects were dropped because they may not be listed any more: namespaces, or one for all. */
  get revokedLists(): number {
    return this.#views.filter(({ revoked }) => revoked).length;
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
    const view =
      this.#views.length > 1 ? this.#views.find(({ namespace }) => namespace === key.namespace) : this.#views[0];
    const seen = [this.#store.get(key)?.metadata.resourceVersion, view?.version];
    return seen.some(
      (version) => version !== undefined && (compareResourceVersions(version, resourceVersion) ?? 0) >= 0,
    );
  }

  #logRevoked(namespace: string | undefined, objects: number): void {
    this.#options.log.warn(
      { resource: resourceName(this.type), namespace, objects },
      'these objects may not be listed any more and are left alone until they may; see the Role and RoleBinding',
    );
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

function newest(versions: readonly string[]): string | undefined {
  const [first, ...others] = versions;
  return others.reduce(
    (latest, version) =>
      latest !== undefined && (compareResourceVersions(version, latest) ?? 0) > 0 ? version : latest,
    first,
  );
}
