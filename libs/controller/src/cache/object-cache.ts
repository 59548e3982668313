import type { ObjectKey, Resource, ResourceType } from '../objects/resources.ts';
import type { ObjectOrder } from './object-index.ts';

export interface CacheOptions {
  /** Absent: the manager's namespace, or all. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /**
   * Requests the objects' metadata only, and stores of that only what names an object and its version: to notice
   * changes of objects whose content is large or of no concern.
   */
  metadataOnly?: boolean;
  /**
   * Called with each object before it is stored, to keep only what is used, as controller-runtime's `TransformFunc` is:
   * memory use and every later read depend on what it returns. It may change the object it is given. What names an
   * object (apiVersion, kind, name, namespace, uid, resourceVersion) is kept whatever it leaves out. It must not throw.
   * One function for all calls: another one is another cache.
   */
  transform?: ObjectTransform;
}

export type ObjectTransform = (object: Resource) => Resource;

export type ChangeEvent = 'add' | 'update' | 'delete';

/** `initial` is true while the first list is delivered. */
export interface ChangeDetails {
  initial: boolean;
}

/** `object` is the newest state; for `delete`, the last one known. `previous` is there for `update` only. */
export type ChangeHandler<T extends Resource> = (
  event: ChangeEvent,
  object: T,
  previous: T | undefined,
  details: ChangeDetails,
) => void;

/**
 * The objects of one type as the API server last reported them, kept current by a watch. Objects are shared: never
 * change one, copy it. A deleted and re-created object (same name, other uid) is a `delete` followed by an `add`.
 */
export interface ObjectCache<T extends Resource> {
  readonly type: ResourceType;
  /** True once the first list is in; it never becomes false again. */
  readonly hasSynced: boolean;
  /** Resolves when the first list is in; rejects when `signal` aborts before. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  get(key: ObjectKey): T | undefined;
  list(namespace?: string): T[];
  readonly size: number;
  /**
   * Objects become findable by each value that `values` gives for them, in the order of `order`, or as they came. The
   * order of two objects must not change with what changes in them.
   */
  addIndex(name: string, values: (object: T) => string[], order?: ObjectOrder<T>): void;
  byIndex(name: string, value: string): T[];
  /** The same without a copy, for who needs the first few of many: read them before anything else happens. */
  eachByIndex(name: string, value: string): Iterable<T>;
  /**
   * Objects already there are delivered as initial `add`. A handler that throws is logged, and changes nothing else.
   * Returns a function that unsubscribes.
   */
  onChange(handler: ChangeHandler<T>): () => void;
  /**
   * From now on the objects of a namespace that may not be listed any more are dropped after a minute, as if they were
   * deleted, and come back with the right. For objects that are left alone when they are absent. Without it the cache
   * goes on showing what it last saw: that a Deployment may not be listed must not look as if there was none.
   */
  dropWhenRevoked(): void;
  /** The newest resourceVersion that the cache has seen, of any object; undefined before the first list. */
  readonly lastSyncResourceVersion: string | undefined;
}
