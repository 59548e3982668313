import type { Queue } from '@redis-queue/api';
import { formatOwnerMark } from '@redis-queue/bullmq';
import { isGovernedSince } from './former-redis/moves.ts';
import { ownerOf } from './ownership/ownership.ts';
import type { ObservedQueue, QueueStep } from './steps.ts';

/** What a reconcile has read, and the steps that it has done. */
export interface Reconciled {
  readonly observed: ObservedQueue;
  readonly done: readonly QueueStep[];
}

/**
 * Why nothing is released now in the Redis servers that the queue has left, as the rest of a sentence about what the Queue
 * manages there; undefined: nothing keeps it from that.
 */
export function whyNotReleased(queue: Queue, { observed, done }: Reconciled): string | undefined {
  if (queue.metadata.deletionTimestamp !== undefined) return 'stays, because this Queue is being deleted';
  if (queue.spec.adoptionPolicy === 'Observe')
    return 'stays while adoptionPolicy is Observe, with which nothing is written; set Adopt to have it cleared';
  const owner = ownerOf(queue, observed.clusterId);
  if (observed.policy && isGovernedSince(queue, { owner, rawMark: markAfter({ observed, done }) })) return undefined;
  return 'stays until this Queue governs the queue in the Redis that its Secret leads to now; Ready says what keeps it from that';
}

/** The owner mark as stored once these steps were done. */
export function markAfter({ observed, done }: Reconciled): string | undefined {
  const written = done.findLast((step) => 'mark' in step);
  return written ? formatOwnerMark(written.mark) : observed.policy?.rawOwnerMark;
}
