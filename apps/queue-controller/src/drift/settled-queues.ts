import type { Queue } from '@redis-queue/api';
import type { PolicyDigest } from '@redis-queue/bullmq';
import type { ObjectMemory } from '@redis-queue/controller';

/**
 * What the last reconcile of each queue left in Redis, for as long as none is under way: whoever finds something else
 * there has found that somebody changed it. Some hundred bytes per queue. After a restart it is empty, and the reconciles
 * that follow fill it.
 */
export class SettledQueues implements ObjectMemory {
  readonly #digests = new Map<string, PolicyDigest>();

  /** A reconcile begins, and may change what is there. */
  begin({ metadata: { uid = '' } }: Queue): void {
    this.#digests.delete(uid);
  }

  /** A reconcile has ended, with nothing left to do. @param digest undefined: it is not known what it left */
  settle({ metadata: { uid = '' } }: Queue, digest: PolicyDigest | undefined): void {
    if (digest !== undefined) this.#digests.set(uid, digest);
  }

  /** @returns undefined while the queue is reconciled, or has a problem, with which it is reconciled again anyhow. */
  digestOf({ metadata: { uid = '' } }: Queue): PolicyDigest | undefined {
    return this.#digests.get(uid);
  }

  forget(uid: string): void {
    this.#digests.delete(uid);
  }
}
