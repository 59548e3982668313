import { findCondition } from '../objects/conditions.ts';
import { retryAfterMs } from './requeue.ts';
import type { KindObject, ObjectMemory, StatusOf } from './types.ts';

interface Known {
  readonly reason: string;
  readonly sinceMs: number;
}

/**
 * When to reconcile objects with a problem again, where they are long not ready while all is well: as `retryAfterMs`, from
 * when Ready first gave this reason. What an earlier process knew is lost with it: then from when Ready became False.
 */
export class RetryPace<T extends KindObject> implements ObjectMemory {
  readonly #known = new Map<string, Known>();

  /**
   * @param object as it was read, with the status that was said of it before.
   * @param status as it is to be said now.
   * @param random in [0, 1)
   */
  afterMs(object: T, { conditions }: Pick<StatusOf<T>, 'conditions'>, now: Date, random: number): number {
    const { uid = '' } = object.metadata;
    const ready = findCondition(conditions, 'Ready');
    if (ready?.status !== 'False') return retryAfterMs(conditions, now, random);
    const { reason } = ready;
    const wasSaid = findCondition(object.status?.conditions, 'Ready')?.reason === reason;
    const known = this.#known.get(uid);
    const before = known?.reason === reason ? known.sinceMs : Date.parse(ready.lastTransitionTime);
    const sinceMs = wasSaid ? before : now.getTime();
    this.#known.set(uid, { reason, sinceMs });
    const since = { ...ready, lastTransitionTime: new Date(sinceMs).toISOString() };
    return retryAfterMs([since], now, random);
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }
}
