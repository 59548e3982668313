import { AsyncLocalStorage } from 'node:async_hooks';
import type { ObjectKey, Resource, ResourceType } from '../objects/resources.ts';
import { keyOf } from '../objects/resources.ts';

/** One write of our own that a cache may not show yet. */
export interface OwnWrite {
  type: ResourceType;
  key: ObjectKey;
  uid: string;
  resourceVersion: string;
}

/**
 * Notes what a reconcile writes, so that the next reconcile of the same object can wait until the caches show it.
 * The reconcile is found through the asynchronous context: whatever it calls, its writes are noted under it.
 */
export class WriteJournal {
  readonly #context = new AsyncLocalStorage<(write: OwnWrite) => void>();

  /** Runs `work`, reporting every write made on its behalf to `onWrite`. */
  during<R>(onWrite: (write: OwnWrite) => void, work: () => R): R {
    return this.#context.run(onWrite, work);
  }

  record(type: ResourceType, object: Resource): void {
    const { uid, resourceVersion } = object.metadata ?? {};
    if (!uid || !resourceVersion) return;
    this.#context.getStore()?.({ type, key: keyOf(object), uid, resourceVersion });
  }
}
