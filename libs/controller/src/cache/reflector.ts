import type { Logger } from 'pino';
import { Backoff } from '../time/backoff.ts';
import { ApiError, ConnectionError, isExpired, isForbidden, isNotFound, type ApiStatus } from '../client/api-error.ts';
import type { KubeClient, ListOptions } from '../client/kube-client.ts';
import type { WatchEvent } from '../client/transport.ts';
import { delay, type Clock } from '../time/clock.ts';
import { loopTurns } from '../time/loop-turns.ts';
import { typeMeta } from '../objects/owner-references.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';
import { resourceName, SECRETS } from '../objects/resources.ts';
import { boundMetadata } from './bounded-metadata.ts';
import type { CacheOptions, ObjectTransform } from './object-cache.ts';
import { ReflectorState, SHORT_WATCH_MS } from './reflector-state.ts';
import { SharedTexts } from './shared-texts.ts';

/** Where a reflector puts what it learns. */
export interface ReflectorTarget<T extends Resource> {
  /** The complete state, as of `resourceVersion`. */
  replace(objects: T[], resourceVersion: string): void;
  upsert(object: T): void;
  remove(object: T): void;
  /** The state is complete up to `resourceVersion`. */
  progress(resourceVersion: string): void;
  /** The list is refused at `nowMs`, for want of a right or of the namespace; it is tried again. */
  refuse?(nowMs: number): void;
}

/** Objects per request: each has a deadline, in which a list of tens of thousands as one would not arrive. */
const PAGE_SIZE = 100;

export interface ReflectorOptions<T extends Resource> {
  client: KubeClient;
  type: ResourceType;
  selection: CacheOptions;
  target: ReflectorTarget<T>;
  log: Logger;
  clock: Clock;
  random?: () => number;
  /** Called for every list and watch, for metrics. */
  onRequest?: (kind: 'list' | 'watch') => void;
}

/**
 * Mirrors the objects of one type into a target: lists once, then follows by watch. Whatever breaks, it goes on from
 * the last version seen; it lists again only when that version is too old or the watch is refused for good.
 */
export class Reflector<T extends Resource> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #state = new ReflectorState();
  readonly #texts = new SharedTexts();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ minMs: 800, maxMs: 30_000, jitter: 1 }, this.#random);
  }

  /** Runs until `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, type } = this.#options;
    while (!signal.aborted) {
      try {
        const { version } = this.#state;
        if (version === undefined) await this.#list(signal);
        else await this.#watch(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#state.failed(error, clock.now()) === 'at once') continue;
        if (isForbidden(error) || isNotFound(error)) this.#options.target.refuse?.(clock.now());
        const waitMs = Math.max(this.#backoff.nextMs(), error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
        const { namespace } = this.#options.selection;
        const context = { err: error, resource: resourceName(type), namespace, retryInMs: Math.round(waitMs) };
        log.warn(context, 'list or watch failed');
        await delay(clock, waitMs, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { selection, target, clock, onRequest } = this.#options;
    onRequest?.('list');
    const { objects, resourceVersion } = await this.#listAll({ ...selection, signal, limit: PAGE_SIZE }).catch(
      (error) => {
        // The continue token expired between two pages: one list without pages is consistent by itself.
        if (!isExpired(error)) throw error;
        return this.#listAll({ ...selection, signal });
      },
    );
    target.replace(objects, resourceVersion);
    this.#state.listed(resourceVersion, clock.now());
  }

  async #listAll(options: ListOptions): Promise<{ objects: T[]; resourceVersion: string }> {
    const { client, type } = this.#options;
    const objects: T[] = [];
    // Items of a list carry neither apiVersion nor kind.
    const each = (item: T): T => this.#stored({ ...item, ...typeMeta(type) });
    for (let from: string | undefined; ;) {
      const page = await client.list<T>(type, { ...options, ...(from !== undefined && { continue: from }), each });
      objects.push(...page.items);
      const { resourceVersion } = page.metadata;
      from = page.metadata.continue;
      if (!from) return { objects, resourceVersion: resourceVersion ?? '' };
    }
  }

  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { client, type, clock, onRequest } = this.#options;
    // Everything else that a watch is given goes to the API server.
    const { transform: _transform, ...selection } = this.#options.selection;
    const startedAt = clock.now();
    let events = 0;
    onRequest?.('watch');
    // Spread, so that the watches of many clients do not all end at once.
    const timeoutSeconds = Math.round(300 * (1 + this.#random()));
    const stream = await client.watch(type, { ...selection, resourceVersion: from, timeoutSeconds, signal });
    try {
      for await (const event of stream) {
        await loopTurns.nextPart();
        this.#take(event);
        if (events++ === 0) this.#backoff.reset();
      }
    } finally {
      stream.close();
    }
    if (events === 0 && clock.now() - startedAt < SHORT_WATCH_MS && !signal.aborted) {
      throw new ConnectionError(`WATCH ${resourceName(type)}`, new Error('closed at once, without an event'));
    }
  }

  #take(event: WatchEvent): void {
    const { target } = this.#options;
    if (event.type === 'ERROR')
      throw new ApiError(`WATCH ${resourceName(this.#options.type)}`, event.object as ApiStatus);
    const object = event.object as T;
    const { resourceVersion } = object.metadata;
    if (event.type === 'DELETED') target.remove(this.#stored(object));
    else if (event.type !== 'BOOKMARK') target.upsert(this.#stored(object));
    this.#state.advanced(resourceVersion);
    if (resourceVersion !== undefined) target.progress(resourceVersion);
  }

  #stored(object: T): T {
    const { transform, metadataOnly } = this.#options.selection;
    const bounded = boundMetadata(object);
    if (metadataOnly) return transformed({ ...bounded, ...typeMeta(this.#options.type) }, namesOnly) as T;
    const stored = transform ? (transformed(bounded, transform) as T) : bounded;
    // What a Secret says is held nowhere but in the Secret.
    if (this.#options.type.kind !== SECRETS.kind) this.#texts.share(stored);
    return stored;
  }
}

/** For objects of which only the metadata was requested: labels and annotations of thousands would add up. */
function namesOnly(): Resource {
  return { metadata: {} } as Resource;
}

/** What `transform` returns, and the names that store and watch depend on. */
function transformed(object: Resource, transform: ObjectTransform): Resource {
  const { apiVersion, kind } = object;
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const reduced = transform(object);
  const identity = { name, ...(namespace !== undefined && { namespace }), ...(uid && { uid }) };
  return {
    ...reduced,
    apiVersion,
    kind,
    metadata: { ...reduced.metadata, ...identity, ...(resourceVersion !== undefined && { resourceVersion }) },
  };
}
