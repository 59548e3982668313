import type { PoolAdvice } from '@redis-queue/scaling';
import type { SpeakingClients, StuckPod } from '@redis-queue/scaling-bus';

/** What is published of a pool beside its size, for its status. Absent: there is nothing to say. */
export interface PoolFacts {
  /** On its concurrency and resources; the same object for as long as it stays the same. */
  readonly advice?: PoolAdvice | undefined;
  /** The pods with handlers that are stuck; likewise. */
  readonly stuckPods?: readonly StuckPod[] | undefined;
  /** The level of the pod contract that the image says it keeps. */
  readonly contractLevel?: number | undefined;
  /** Why its queues at rest are polled. */
  readonly polled?: string | undefined;
  /** Who speaks to the Redis of its queues; the same object until it was read again. */
  readonly clients?: SpeakingClients | undefined;
}

/** Whether people are to read something else. Pure. */
export function isNewsOf(next: PoolFacts, last: PoolFacts): boolean {
  return (
    (next.advice !== undefined && next.advice !== last.advice) ||
    next.stuckPods !== last.stuckPods ||
    next.clients !== last.clients ||
    next.contractLevel !== last.contractLevel ||
    (next.polled === undefined) !== (last.polled === undefined)
  );
}
