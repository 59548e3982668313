/** A pool that works on a queue, as far as dividing the queue's work needs it. */
export interface QueueConsumer {
  readonly maxReplicas: number;
  readonly concurrency: number;
}

/**
 * The part of a queue's work that is `pool`'s: by the most slots each pool may have. Static on purpose: dividing by the
 * current sizes would make two autoscaled pools chase each other.
 *
 * @param slotsOfAll `mostSlots` of all pools that work on the queue, this one among them: a sum, as each may be one of
 * thousands.
 */
export function shareOfQueue(pool: QueueConsumer, slotsOfAll: number): number {
  return slotsOfAll > 0 ? mostSlots(pool) / slotsOfAll : 1;
}

/** Jobs that the pool runs at once at its greatest size. */
export function mostSlots({ maxReplicas, concurrency }: QueueConsumer): number {
  return maxReplicas * concurrency;
}
