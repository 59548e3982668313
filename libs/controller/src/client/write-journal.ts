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

/** What is noted of one reconcile. */
export interface JournalEntry {
  onWrite(write: OwnWrite): void;
  /** Requests that wait for their answer, as `METHOD /path`, oldest first. */
  readonly underWay: string[];
}

/**
 * Notes what a reconcile writes, so that the next reconcile of the same object can wait until the caches show it, and
 * what it waits for, so that one that takes too long can say why. The reconcile is found through the asynchronous
 * context: whatever it calls, its requests are noted under it.
 */
export class WriteJournal {
  readonly #context = new AsyncLocalStorage<JournalEntry>();

  /** Runs `work`, noting the requests that are made on its behalf in `entry`. */
  during<R>(entry: JournalEntry, work: () => R): R {
    return this.#context.run(entry, work);
  }

  /** Sends a request, noting it while it waits for its answer. */
  async awaiting<R>(request: string, send: () => Promise<R>): Promise<R> {
    const underWay = this.#context.getStore()?.underWay;
    underWay?.push(request);
    try {
      return await send();
    } finally {
      underWay?.splice(underWay.indexOf(request), 1);
    }
  }

  record(type: ResourceType, object: Resource): void {
    const { uid, resourceVersion } = object.metadata ?? {};
    if (!uid || !resourceVersion) return;
    this.#context.getStore()?.onWrite({ type, key: keyOf(object), uid, resourceVersion });
  }
}
