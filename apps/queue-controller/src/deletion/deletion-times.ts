import type { Queue } from '@redis-queue/api';
import { systemClock, type ObjectMemory } from '@redis-queue/controller';

/**
 * Since when this process has known that each Queue is being deleted, by a clock that nobody sets: its deletion time is
 * by the clock of the API server, of which this node's may differ by any amount. After a restart it begins anew.
 */
export class DeletionTimes implements ObjectMemory {
  readonly #sinceMs = new Map<string, number>();
  readonly #nowMs: () => number;

  /** @param nowMs monotonic, in ms. */
  constructor(nowMs: () => number = () => systemClock.now()) {
    this.#nowMs = nowMs;
  }

  /** For how many ms the deletion has been known, from the first call on; undefined while the Queue is not deleted. */
  knownForMs({ metadata: { uid = '', deletionTimestamp } }: Queue): number | undefined {
    if (deletionTimestamp === undefined) return undefined;
    const nowMs = this.#nowMs();
    const sinceMs = this.#sinceMs.get(uid) ?? nowMs;
    this.#sinceMs.set(uid, sinceMs);
    return nowMs - sinceMs;
  }

  forget(uid: string): void {
    this.#sinceMs.delete(uid);
  }
}
