import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Informer } from '../cache/informer.ts';
import type { ObjectCache } from '../cache/object-cache.ts';
import { isConflict } from '../client/api-error.ts';
import { requestInWords } from '../client/request-words.ts';
import type { OwnWrite, WriteJournal } from '../client/write-journal.ts';
import type { Clock } from '../time/clock.ts';
import { ownerKey } from '../objects/owner-references.ts';
import { WorkQueue } from '../queue/work-queue.ts';
import type { ObjectKey, Resource, ResourceType } from '../objects/resources.ts';
import { keyFromString, keyOf, keyToString, resourceName } from '../objects/resources.ts';
import type { ControllerMetrics, ReconcileMetrics } from './metrics.ts';
import { OwnWrites } from './own-writes.ts';
import { changesAtAll, changesMoreThanStatus } from './predicates.ts';
import { loopTurns } from '../time/loop-turns.ts';
import { unlessAborted } from '../time/unless-aborted.ts';
import { Resync } from './resync.ts';
import { WaitingReports } from './waiting-reports.ts';
import {
  ReconcileTimeoutError,
  TerminalError,
  type Controller,
  type ControllerOptions,
  type EnqueueOptions,
  type Predicate,
  type ReconcileResult,
} from './types.ts';

export interface ControllerDependencies {
  log: Logger;
  clock: Clock;
  random?: () => number;
  metrics: ControllerMetrics;
  journal: WriteJournal;
  cacheOf(type: ResourceType): ObjectCache<Resource>;
  /** The caches in which a write must show. */
  cachesShowing(write: OwnWrite): Informer<Resource>[];
}

/** Priority of the first list and of resyncs: current changes go first. */
export const BACKGROUND_PRIORITY = -100;
const RECONCILE_TIMEOUT_MS = 120_000;
/** For saying on the object what failed. */
const REPORT_TIMEOUT_MS = 5_000;
const CACHE_SYNC_TIMEOUT_MS = 120_000;
/** How long a worker waits for the cache before it serves others first. */
const OWN_WRITE_WAIT_MS = 1_000;

/** One controller: changes in, reconciles out. */
export class ControllerRunner<T extends Resource> implements Controller {
  readonly name: string;
  readonly #options: ControllerOptions<T>;
  readonly #deps: ControllerDependencies;
  readonly #log: Logger;
  readonly #queue: WorkQueue;
  readonly #metrics: ReconcileMetrics;
  readonly #ownWrites: OwnWrites;
  readonly #cache: ObjectCache<T>;
  readonly #watched = new Set<Pick<ObjectCache<Resource>, 'type' | 'whenSynced'>>();

  constructor(options: ControllerOptions<T>, deps: ControllerDependencies) {
    this.name = options.name;
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log.child({ controller: options.name });
    const { maxBackoffMs } = options;
    this.#queue = new WorkQueue({
      clock: deps.clock,
      observer: deps.metrics.queue(options.name),
      maxBackoffMs,
      capacity: this.#concurrency,
      sharesOf: (key) => this.#sharesOf(keyFromString(key)),
    });
    this.#metrics = deps.metrics.reconciles(options.name, this.#concurrency);
    deps.metrics.watchQueue(options.name, this.#queue, () => deps.clock.now());
    this.#ownWrites = new OwnWrites(deps.clock, (write) => deps.cachesShowing(write));
    this.#cache = options.cache ?? (deps.cacheOf(options.type) as ObjectCache<T>);
    // Who takes the rights in a namespace away wants its objects left alone.
    this.#cache.dropWhenRevoked();
    this.#subscribe();
  }

  enqueue(key: ObjectKey, options: EnqueueOptions = {}): void {
    this.#queue.add(keyToString(key), options);
  }

  /**
   * Reconciles until `signal` aborts, then resolves when the reconciles under way have ended.
   * @throws when the caches do not sync in 2 minutes
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#cachesSynced(signal);
    // The list that was missing was taken in just now, which takes long enough.
    await nextTurn();
    if (signal.aborted) return;
    const { clock, random } = this.#deps;
    const resync = new Resync({ clock, random, intervalMs: this.#options.resyncMs }, () => this.#enqueueAll());
    const reports = new WaitingReports(clock, this.#queue, (key, usedUp) => this.#reportWaiting(key, usedUp));
    const stop = (): void => {
      resync.stop();
      reports.stop();
      this.#queue.close();
    };
    signal.addEventListener('abort', stop, { once: true });
    resync.start();
    reports.start();
    this.#log.info({ concurrency: this.#concurrency, objects: this.#cache.size }, 'controller started');
    await Promise.all(Array.from({ length: this.#concurrency }, () => this.#work(signal)));
  }

  get #concurrency(): number {
    return this.#options.concurrency ?? 1;
  }

  #sharesOf(key: ObjectKey): string[] {
    const object = this.#cache.get(key);
    const server = object && this.#options.serverOf?.(object);
    return [
      ...(key.namespace === undefined ? [] : [`namespace ${key.namespace}`]),
      ...(server === undefined ? [] : [server]),
    ];
  }

  #subscribe(): void {
    const { type, owns = [], watches = [], predicate = changesMoreThanStatus } = this.#options;
    this.#watch(this.#cache, (object) => [keyOf(object)], predicate);
    for (const owned of owns) {
      this.#watch(this.#deps.cacheOf(owned), (object) => [ownerKey(object, type)].filter((key) => key !== undefined));
    }
    for (const { cache, map, predicate: counts } of watches) {
      this.#watch('whenSynced' in cache ? cache : this.#deps.cacheOf(cache), map, counts);
    }
  }

  #watch<W extends Resource>(
    cache: ObjectCache<W>,
    map: (object: W) => ObjectKey[],
    predicate: Predicate<W> = changesAtAll,
  ): void {
    this.#watched.add(cache);
    cache.onChange((event, object, previous, { initial }) => {
      if (!predicate({ event, object, previous })) return;
      const priority = initial ? BACKGROUND_PRIORITY : 0;
      const keys = [...(previous ? map(previous) : []), ...map(object)].map(keyToString);
      for (const key of new Set(keys)) this.#queue.add(key, { priority });
    });
  }

  async #cachesSynced(signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(CACHE_SYNC_TIMEOUT_MS)]);
    for (const cache of this.#watched) {
      try {
        await cache.whenSynced(timeout);
      } catch (error) {
        if (signal.aborted) return;
        throw new Error(
          `Controller ${this.name}: the cache of ${resourceName(cache.type)} did not sync in ${CACHE_SYNC_TIMEOUT_MS / 1000} s; ` +
            'see the list and watch failures in the log. Is the CRD installed, and may the ServiceAccount list and watch it?',
          { cause: error },
        );
      }
    }
  }

  #enqueueAll(): void {
    for (const object of this.#cache.list()) this.enqueue(keyOf(object), { priority: BACKGROUND_PRIORITY });
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      try {
        await loopTurns.next();
        if (signal.aborted) return;
        await this.#process(key, signal);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #process(key: string, stop: AbortSignal): Promise<void> {
    const priority = this.#queue.priorityOf(key);
    if (!(await this.#ownWritesShown(key, stop))) {
      if (!stop.aborted) this.#queue.addRateLimited(key, { priority });
      return;
    }
    const log = this.#log.child({ ...keyFromString(key), reconcileId: randomUUID().slice(0, 8) });
    const startedAt = this.#deps.clock.now();
    const seconds = (): number => (this.#deps.clock.now() - startedAt) / 1000;
    this.#metrics.active(1);
    try {
      const result = await this.#reconcile(key, log, stop);
      this.#queue.forget(key);
      if (result) this.#queue.add(key, { priority: result.priority ?? priority, afterMs: result.requeueAfterMs });
      this.#metrics.finished(result ? 'requeue_after' : 'success', seconds());
    } catch (error) {
      this.#metrics.finished('error', seconds());
      if (stop.aborted) return;
      // First of all: saying it on the object may take seconds.
      this.#noteFailure(key, error, log);
      await this.#reportFailure(key, error, log);
      if (error instanceof TerminalError) this.#queue.forget(key);
      else this.#queue.addRateLimited(key, { priority, lastedMs: this.#deps.clock.now() - startedAt });
    } finally {
      this.#metrics.active(-1);
    }
  }

  async #ownWritesShown(key: string, stop: AbortSignal): Promise<boolean> {
    const waiting = new AbortController();
    const abort = (): void => waiting.abort();
    const timer = this.#deps.clock.after(OWN_WRITE_WAIT_MS, abort);
    stop.addEventListener('abort', abort, { once: true });
    try {
      return await this.#ownWrites.shown(key, waiting.signal);
    } finally {
      timer.cancel();
      stop.removeEventListener('abort', abort);
    }
  }

  async #reconcile(key: string, log: Logger, stop: AbortSignal): Promise<ReconcileResult> {
    const abort = new AbortController();
    const late = new AbortController();
    const cancel = (): void => abort.abort(stop.reason);
    const timeoutMs = this.#options.reconcileTimeoutMs ?? RECONCILE_TIMEOUT_MS;
    const underWay: string[] = [];
    const timer = this.#deps.clock.after(timeoutMs, () => {
      this.#metrics.failed('timeout');
      const error = new ReconcileTimeoutError(timeoutMs, underWay.map(requestInWords));
      abort.abort(error);
      late.abort(error);
    });
    stop.addEventListener('abort', cancel, { once: true });
    const objectKey = keyFromString(key);
    const context = { key: objectKey, object: this.#cache.get(objectKey), signal: abort.signal, log };
    try {
      return await this.#deps.journal.during(
        { onWrite: (write) => this.#ownWrites.note(key, write), underWay },
        // On a stop the reconcile ends by itself, since the lease must not be given back before; when it is late, its worker does not wait.
        () => unlessAborted(late.signal, () => this.#options.reconcile(context)),
      );
    } finally {
      timer.cancel();
      stop.removeEventListener('abort', cancel);
    }
  }

  /** An object that is reconciled meanwhile says more, and whoever wrote first is right. */
  #reportWaiting(key: string, usedUp: string | undefined): Promise<void> | undefined {
    const objectKey = keyFromString(key);
    const object = this.#cache.get(objectKey);
    const signal = AbortSignal.timeout(REPORT_TIMEOUT_MS);
    const log = this.#log.child(objectKey);
    const report = object && this.#options.onWaiting?.({ key: objectKey, object, signal, log }, usedUp);
    return report?.catch((error: unknown) => {
      if (isConflict(error)) return;
      this.#metrics.failed('unreported');
      log.error({ err: error }, 'that the object waits could not be said on it');
    });
  }

  async #reportFailure(key: string, error: unknown, log: Logger): Promise<void> {
    const { onFailure } = this.#options;
    if (!onFailure || isConflict(error)) return;
    const objectKey = keyFromString(key);
    const signal = AbortSignal.timeout(REPORT_TIMEOUT_MS);
    const context = { key: objectKey, object: this.#cache.get(objectKey), signal, log };
    try {
      await unlessAborted(signal, () => onFailure(context, error));
    } catch (unreported) {
      // Somebody has said more on it meanwhile.
      if (isConflict(unreported)) return;
      this.#metrics.failed('unreported');
      log.error({ err: unreported }, 'the failure could not be reported on the object');
    }
  }

  #noteFailure(key: string, error: unknown, log: Logger): void {
    this.#metrics.failed('error');
    if (error instanceof TerminalError) {
      this.#metrics.failed('terminal');
      log.error({ err: error }, 'reconcile failed for good');
      return;
    }
    if (isProgramFault(error)) this.#metrics.failed('panic');
    // Somebody else wrote first; the next try reads what they wrote.
    if (isConflict(error)) log.debug({ err: error }, 'reconcile met a conflict');
    else log.error({ err: error, failures: this.#queue.failures(key) + 1 }, 'reconcile failed');
  }
}

function isProgramFault(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}
