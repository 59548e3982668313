import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CacheOptions } from '../cache/object-cache.ts';
import { Informer } from '../cache/informer.ts';
import type { KubeClient } from '../client/kube-client.ts';
import type { OwnWrite } from '../client/write-journal.ts';
import type { Clock } from '../time/clock.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';
import { resourceName } from '../objects/resources.ts';

export interface CacheRegistryOptions {
  client: KubeClient;
  log: Logger;
  clock: Clock;
  registry: Registry;
  /** Confines namespaced types; absent: all namespaces. */
  namespaces?: readonly string[] | undefined;
}

interface Entry {
  informer: Informer<Resource>;
  selection: CacheOptions;
  /** Absent: all of them, or the type has none. */
  namespaces: readonly string[] | undefined;
}

/** All caches of a process, each once. */
export class CacheRegistry {
  readonly #options: CacheRegistryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #requests: Counter<'resource' | 'kind'>;
  readonly #running: Promise<void>[] = [];
  #signal: AbortSignal | undefined;
  readonly #transforms = new Map<NonNullable<CacheOptions['transform']>, number>();

  constructor(options: CacheRegistryOptions) {
    this.#options = options;
    this.#requests = new Counter({
      name: 'redis_queue_cache_requests_total',
      help: 'Lists and watches that caches opened; many lists of one resource mean a watch that does not hold.',
      labelNames: ['resource', 'kind'],
      registers: [options.registry],
    });
    options.registry.registerMetric(revokedGauge(this.#entries));
  }

  of(type: ResourceType, options: CacheOptions = {}): Informer<Resource> {
    const only = options.namespace === undefined ? this.#options.namespaces : [options.namespace];
    const namespaces = type.namespaced ? only : undefined;
    const selection: CacheOptions = { ...options };
    delete selection.namespace;
    const { labelSelector = '', fieldSelector = '', metadataOnly = false } = options;
    const selects = [namespaces?.join() ?? '', labelSelector, fieldSelector, metadataOnly];
    const id = JSON.stringify([resourceName(type), type.version, ...selects, this.#numberOf(options.transform)]);
    const known = this.#entries.get(id);
    if (known) return known.informer;
    const { client, log, clock } = this.#options;
    const resource = resourceName(type);
    const onRequest = (kind: 'list' | 'watch'): void => this.#requests.inc({ resource, kind });
    const informer = new Informer({
      client,
      type,
      selection,
      ...(namespaces && { namespaces }),
      log,
      clock,
      onRequest,
    });
    this.#entries.set(id, { informer, selection, namespaces });
    if (this.#signal) this.#running.push(informer.run(this.#signal));
    return informer;
  }

  /** What users name may select the same objects twice: who shows them in another way has a cache of its own. */
  #numberOf(transform: CacheOptions['transform']): number {
    if (transform === undefined) return 0;
    const number = this.#transforms.get(transform) ?? this.#transforms.size + 1;
    this.#transforms.set(transform, number);
    return number;
  }

  /** The caches in which `write` must show. One with a selector may rightly not know the object. */
  showing(write: OwnWrite): Informer<Resource>[] {
    return [...this.#entries.values()]
      .filter(({ informer, selection, namespaces }) => {
        if (resourceName(informer.type) !== resourceName(write.type)) return false;
        if (namespaces && !namespaces.includes(write.key.namespace ?? '')) return false;
        const selects = selection.labelSelector !== undefined || selection.fieldSelector !== undefined;
        return !selects || informer.get(write.key) !== undefined;
      })
      .map(({ informer }) => informer);
  }

  /** Runs all caches, those made later too, until `signal` aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    for (const { informer } of this.#entries.values()) this.#running.push(informer.run(signal));
  }

  async stopped(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** The resources whose first list is not in yet. */
  get unsynced(): string[] {
    return [...this.#entries.values()]
      .filter(({ informer }) => !informer.hasSynced)
      .map(({ informer }) => resourceName(informer.type));
  }
}

function revokedGauge(entries: ReadonlyMap<string, Entry>): Gauge {
  return new Gauge({
    name: 'redis_queue_cache_revoked_namespaces',
    help: 'Namespaces whose objects may not be listed any more, so that they were dropped from the cache.',
    labelNames: ['resource'],
    registers: [],
    collect() {
      this.reset();
      for (const { informer } of entries.values())
        this.inc({ resource: resourceName(informer.type) }, informer.revokedLists);
    },
  });
}
