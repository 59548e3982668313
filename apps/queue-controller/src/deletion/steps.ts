import type { QueueReason } from '@redis-queue/api';
import type { ObservedPolicy, OwnerMark, QueueSample } from '@redis-queue/bullmq';
import type { FinalizerStep, Problem } from '@redis-queue/controller';
import type { Claimant } from '../ownership/claimants.ts';
import type { DeadLetterStep, ObservedDeadLetters } from '../ownership/dead-letter-steps.ts';
import type { SchedulerStep } from '../schedulers/plan.ts';

/** What planning a deletion starts from, as far as it could be read. */
export interface ObservedDeletion {
  readonly clusterId: string;
  /** Of this process, for as long as it leads: what it removes from Redis carries it. */
  readonly fence: string;
  /** Why Redis could not be read; then there is no `policy`. */
  readonly problem?: Problem<QueueReason>;
  readonly policy?: ObservedPolicy;
  /** Whoever else claims the queue, as far as it matters: who holds the mark need not ask. */
  readonly claimants: readonly Claimant[];
  /** Claims in Redis, as they are stored, whose objects are gone. Read only while the object is being deleted. */
  readonly deadClaims?: readonly string[];
  /** Read only while the object is being deleted, or retired. */
  readonly sample?: QueueSample;
  /** Read only where the spec or the owner mark says that there is one, and while the object is being deleted. */
  readonly deadLetters?: ObservedDeadLetters;
  /** Workers are connected to the queue; read only while the object is being deleted. */
  readonly hasWorkers?: boolean;
  /**
   * For how many ms this process has known that the object is being deleted; absent: only its deletion time counts,
   * which is by another clock than ours.
   */
  readonly deletionKnownMs?: number;
}

/** A step of the removal of a queue. */
export type RemovalStep =
  | { readonly kind: 'beginRemoval'; readonly mark: OwnerMark }
  | {
      readonly kind: 'obliterate';
      readonly stopAt: StopAt;
      /** The claim of another stops it; absent: no claim does. */
      readonly owner?: string;
      readonly ignoredClaims?: readonly string[];
      /** Workers are connected, and will write to the queue that is removed. */
      readonly hasWorkers?: true;
    }
  | { readonly kind: 'endRemoval'; readonly mark: OwnerMark };

/** Which jobs a removal leaves. */
export type StopAt = 'unfinished' | 'busy' | 'nothing';

/** A pause during a removal, and its end. */
export type PauseStep = { readonly kind: 'pause' } | { readonly kind: 'resume' };

export type DeletionStep = FinalizerStep | SchedulerStep | PauseStep | RemovalStep | DeadLetterStep;

export interface DeletionPlan {
  /** In the order to apply them; none when nothing differs. */
  readonly steps: readonly DeletionStep[];
  /** What stands in the way of the deletion. */
  readonly problem?: Problem<QueueReason>;
  /** The owner mark as stored when the plan was made: writes happen only while it is that one. */
  readonly rawOwnerMark?: string;
  /** Redis' time, Unix ms, after which the plan removes nothing any more. */
  readonly removesUntilMs?: number;
  /** In how many ms the plan may be another one, because of the time alone. */
  readonly dueMs?: number;
}
