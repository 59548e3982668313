import type { Slots } from '@redis-queue/scaling';
import type { PoolPods } from '../watching/pool-status.ts';
import type { Consumer } from '../watching/topology.ts';

/** For so long the slots of a queue are as they were added up: thousands of pools may work on one. */
const ADDED_UP_FOR_MS = 250;

/** Pods of a pool that are not kept from working: slots of those that are serve no queue, whoever counts on them. */
export function workingPods({ replicas, blocked = {} }: PoolPods = { replicas: 0 }): number {
  const { rejected = 0, unschedulable = 0, crashLooping = 0, imageFailing = 0 } = blocked;
  return Math.max(0, replicas - rejected - unschedulable - crashLooping - imageFailing);
}

/** Jobs that all pools of a queue can run at once. */
export class QueueSlots {
  readonly #known = new WeakMap<readonly Consumer[], { readonly atMs: number; readonly slots: Slots }>();

  /** @param podsOf what is known of a pool's pods; undefined while it has none. */
  of(pools: readonly Consumer[], podsOf: (poolKey: string) => PoolPods | undefined, nowMs: number): Slots {
    const known = this.#known.get(pools);
    if (known && nowMs - known.atMs < ADDED_UP_FOR_MS) return known.slots;
    let [present, most] = [0, 0];
    for (const { key, maxReplicas, concurrency } of pools) {
      present += workingPods(podsOf(key)) * concurrency;
      most += maxReplicas * concurrency;
    }
    const slots = { present, most };
    this.#known.set(pools, { atMs: nowMs, slots });
    return slots;
  }
}
