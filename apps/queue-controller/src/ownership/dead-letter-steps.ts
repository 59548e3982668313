import type { QueueReason } from '@redis-queue/api';
import type { ObservedPolicy, OwnerMark, QueueSample } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import type { HolderState } from './ownership.ts';

/** The dead-letter queue, as far as it could be read. */
export interface ObservedDeadLetters {
  /** Absent: Redis refuses to read it, for the reason that `problem` gives. */
  readonly policy?: ObservedPolicy;
  readonly problem?: Problem<QueueReason>;
  /** Of the object that its owner mark names, where that is another. */
  readonly holder?: HolderState;
  /** Read only while the object is being deleted. */
  readonly sample?: QueueSample;
}

/** A step on the dead-letter queue, which has an owner mark of its own. */
export type DeadLetterStep = {
  /** Its owner mark as stored: the step is done only while it is that one. */
  readonly expected: string | undefined;
} & (
  | { readonly kind: 'claimDeadLetters' | 'beginDeadLetterRemoval' | 'endDeadLetterRemoval'; readonly owns: OwnerMark }
  | { readonly kind: 'releaseDeadLetters' }
  | { readonly kind: 'obliterateDeadLetters'; readonly stopAt: 'unfinished' | 'busy' | 'nothing' }
);
