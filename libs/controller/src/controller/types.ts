import type { Logger } from 'pino';
import type { ChangeEvent, ObjectCache } from '../cache/object-cache.ts';
import type { ObjectKey, Resource, ResourceType } from '../objects/resources.ts';

export interface ReconcileContext<T extends Resource> {
  key: ObjectKey;
  /** From the cache, shared: copy before changing. Undefined when the object is gone. */
  object: T | undefined;
  /** Aborts when the manager stops, the lease is lost or the reconcile takes too long. */
  signal: AbortSignal;
  /** Carries controller, object key and a reconcile id. */
  log: Logger;
}

/**
 * Without a result the object is done until something changes. With `requeueAfterMs` it is reconciled again after that
 * time at the latest, at `priority`, or else at the priority it was enqueued with.
 */
export type ReconcileResult = void | undefined | { requeueAfterMs: number; priority?: number };

/**
 * When it throws, the object is reconciled again after a back-off. Throw `TerminalError` when only a change of the
 * object can help.
 */
export type Reconcile<T extends Resource> = (context: ReconcileContext<T>) => Promise<ReconcileResult>;

/** The reconcile took too long; whatever hangs, its worker serves others. */
export class ReconcileTimeoutError extends Error {
  override readonly name = 'ReconcileTimeoutError';

  /** @param unanswered the requests to the API server that it waited for, in words. */
  constructor(timeoutMs: number, unanswered: readonly string[] = []) {
    const late = `the reconcile took longer than ${timeoutMs / 1000} s`;
    super(unanswered.length === 0 ? late : `${late}, without an answer to ${unanswered.slice(0, 3).join(', ')}`);
  }
}

/** An error that trying again cannot cure; it is counted and logged, not retried. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface Change<T extends Resource> {
  event: ChangeEvent;
  object: T;
  previous: T | undefined;
}

/** Whether a change is worth a reconcile. */
export type Predicate<T extends Resource> = (change: Change<T>) => boolean;

export interface Watch<W extends Resource> {
  cache: ObjectCache<W> | ResourceType;
  /** The objects to reconcile when `object` changed. On an update it is called for the old state too. */
  map: (object: W) => ObjectKey[];
  /** Default: every change. */
  predicate?: Predicate<W>;
}

export interface ControllerOptions<T extends Resource> {
  name: string;
  type: ResourceType;
  reconcile: Reconcile<T>;
  /** Where `type` is read from; default the manager's cache of it. */
  cache?: ObjectCache<T>;
  /**
   * Reconciles of different objects at once, those that wait for another system included; one object is never
   * reconciled twice at once. One namespace gets a part of them; see `Shares`. Default 1.
   */
  concurrency?: number;
  /**
   * The server outside Kubernetes that an object's reconcile waits for, as people know it (`Redis shop:6379`): what
   * hangs there holds a part of the namespace's share. Cheap: it is asked each time the object becomes due.
   */
  serverOf?: (object: T) => string | undefined;
  /** Types whose objects, when controlled by an object of `type`, reconcile it on any change. */
  owns?: ResourceType[];
  // oxlint-disable-next-line typescript/no-explicit-any -- each watch has an object type of its own
  watches?: Watch<any>[];
  /** Which changes of `type` itself count. Default: all but those of only the status. */
  predicate?: Predicate<T>;
  /** A reconcile that takes longer is aborted, and its worker free again, whatever it waits for. Default 2 min. */
  reconcileTimeoutMs?: number;
  /**
   * Has a few seconds to say on the object why its reconcile failed, a time-out included, before it is tried again. Not called for a
   * conflict: the next try reads what somebody else wrote.
   */
  onFailure?: (context: ReconcileContext<T>, error: unknown) => Promise<void>;
  /**
   * Says on an object that has been due for seconds, and has not had its turn, what it waits for. Called once per wait.
   *
   * @param usedUp the share that is used up: its namespace or its server; undefined when it is only not its turn.
   * @returns undefined when there is nothing to say.
   */
  onWaiting?: (context: ReconcileContext<T>, usedUp: string | undefined) => Promise<void> | undefined;
  /** The longest back-off after a reconcile that threw. Default 1000 s. */
  maxBackoffMs?: number;
  /** Every object is reconciled again so often, ± 10 %. Default 10 h. */
  resyncMs?: number;
}

export interface EnqueueOptions {
  /** Higher goes first. Default 0; the first list and resyncs have −100. */
  priority?: number;
  afterMs?: number;
}

export interface Controller {
  readonly name: string;
  enqueue(key: ObjectKey, options?: EnqueueOptions): void;
}
