/** A pool that works on a queue, as far as dividing the queue's work needs it. */
export interface QueueConsumer {
  readonly maxReplicas: number;
  readonly concurrency: number;
}

/**
 * The part of a queue's work that is `pool`'s when all of `consumers` (the pool among them) work on it: by the most
 * slots each may have. Static on purpose: dividing by the current sizes would make two autoscaled pools chase each
 * other.
 */
export function shareOfQueue(pool: QueueConsumer, consumers: readonly QueueConsumer[]): number {
  const slots = consumers.reduce((sum, consumer) => sum + mostSlots(consumer), 0);
  return slots > 0 ? mostSlots(pool) / slots : 1;
}

function mostSlots({ maxReplicas, concurrency }: QueueConsumer): number {
  return maxReplicas * concurrency;
}
