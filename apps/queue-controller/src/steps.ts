import type {
  ManagedField,
  ObservedPolicy,
  OwnerMark,
  PolicyDigest,
  QueueSample,
  RateLimitWindow,
  ServerInfo,
} from '@redis-queue/bullmq';
import type { FinalizerStep } from '@redis-queue/controller';
import type { Claimant } from './claimants.ts';
import type { FormerReport } from './former-redis/release.ts';
import type { HolderState } from './ownership.ts';
import type { Problem } from './reasons.ts';
import type { ObservedSchedulers, SchedulerStep } from './schedulers/plan.ts';

// What planning starts from and ends with, for `plan.ts` and `deletion.ts`.

/** The observed state, as far as it could be read. */
export interface ObservedQueue {
  readonly clusterId: string;
  /** Of this process, for as long as it leads: what it removes from Redis carries it. */
  readonly fence: string;
  /** Address and database of the Redis, without a credential; absent while there is no way to it. */
  readonly redisAddress?: string;
  /** Why Redis could not be read; then there is no `policy`. */
  readonly problem?: Problem;
  /** After how many ms this queue is the one to find out whether the Redis answers again. */
  readonly probeAfterMs?: number;
  readonly policy?: ObservedPolicy;
  /** Of what is set for the queue since the plan was carried out; `NO_DIGEST`: it has to be looked at again. */
  readonly digestLeft?: PolicyDigest | undefined;
  readonly server?: ServerInfo;
  /** Whoever else claims the queue, as far as it matters: who holds the mark need not ask. */
  readonly claimants: readonly Claimant[];
  readonly holder?: HolderState;
  /** Claims in Redis, as they are stored, whose objects are gone. Read only while the object is being deleted. */
  readonly deadClaims?: readonly string[];
  /** Read only while the object is being deleted, or retired. */
  readonly sample?: QueueSample;
  /** Of a retired queue: another one says that a job has come or run. Absent: that is not known. */
  readonly lastRun?: string;
  /** Read only where the spec or the owner mark says that there is one, and while the object is being deleted. */
  readonly deadLetters?: ObservedDeadLetters;
  /** Of a retired queue: for how many ms no job has waited, run or been delayed. Absent: one does. */
  readonly emptyForMs?: number;
  /** Absent: none is declared. */
  readonly schedulers?: ObservedSchedulers;
  /** Workers are connected to the queue; read only while the object is being deleted. */
  readonly hasWorkers?: boolean;
  /**
   * For how many ms this process has known that the object is being deleted; absent: only its deletion time counts,
   * which is by another clock than ours.
   */
  readonly deletionKnownMs?: number;
  /** What became of each Redis that the status lists as left; known once the plan was carried out. */
  readonly former?: readonly FormerReport[];
}

/** The dead-letter queue, as far as it could be read. */
export interface ObservedDeadLetters {
  /** Absent: Redis refuses to read it, for the reason that `problem` gives. */
  readonly policy?: ObservedPolicy;
  readonly problem?: Problem;
  /** Of the object that its owner mark names, where that is another. */
  readonly holder?: HolderState;
  /** Read only while the object is being deleted. */
  readonly sample?: QueueSample;
}

/** One change, small enough to be interrupted before and after. */
export type QueueStep =
  | FinalizerStep
  | SchedulerStep
  | { readonly kind: 'claim'; readonly mark: OwnerMark; readonly from?: string }
  | { readonly kind: 'leaveClaim'; readonly owner: string }
  | { readonly kind: 'pause' }
  | { readonly kind: 'movePausedJobs'; readonly jobs: number }
  | { readonly kind: 'setRateLimit'; readonly window: RateLimitWindow; readonly was?: RateLimitWindow }
  | { readonly kind: 'clearRateLimit' }
  | { readonly kind: 'setGlobalConcurrency'; readonly value: number; readonly was?: number }
  | { readonly kind: 'clearGlobalConcurrency' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'release'; readonly mark: OwnerMark; readonly fields: readonly ManagedField[] }
  | { readonly kind: 'beginRemoval'; readonly mark: OwnerMark }
  | {
      readonly kind: 'obliterate';
      readonly stopAt: 'unfinished' | 'busy' | 'nothing';
      /** The claim of another stops it; absent: no claim does. */
      readonly owner?: string;
      readonly ignoredClaims?: readonly string[];
      /** Workers are connected, and will write to the queue that is removed. */
      readonly hasWorkers?: true;
    }
  | { readonly kind: 'endRemoval'; readonly mark: OwnerMark }
  | DeadLetterStep;

/** A step on the dead-letter queue, which has an owner mark of its own. */
export type DeadLetterStep = {
  /** Its owner mark as stored: the step is done only while it is that one. */
  readonly expected: string | undefined;
} & (
  | { readonly kind: 'claimDeadLetters' | 'beginDeadLetterRemoval' | 'endDeadLetterRemoval'; readonly owns: OwnerMark }
  | { readonly kind: 'releaseDeadLetters' }
  | { readonly kind: 'obliterateDeadLetters'; readonly stopAt: 'unfinished' | 'busy' | 'nothing' }
);

export interface QueuePlan {
  /** In the order to apply them; none when nothing differs. */
  readonly steps: readonly QueueStep[];
  /** What stands in the way of the spec. */
  readonly problem?: Problem;
  /**
   * The queue itself is this object's, or becomes it by these steps, and they set all that the spec says of it. A `problem`
   * beside it is of the dead-letter queue, or of a job scheduler.
   */
  readonly governs?: true;
  /** The owner mark as stored when the plan was made: writes happen only while it is that one. */
  readonly rawOwnerMark?: string;
  /** Of what was set for the queue when the plan was made. */
  readonly digest?: PolicyDigest | undefined;
  /** Redis' time, Unix ms, after which the plan removes nothing any more. */
  readonly removesUntilMs?: number;
  /** In how many ms the plan may be another one, because of the time alone. */
  readonly dueMs?: number;
  /** The queue was another's, or nobody's. */
  readonly adopts?: true;
}

/** Job schedulers that the plan removes. */
export function removedSchedulers({ steps }: QueuePlan): number {
  return steps.filter(({ kind }) => kind === 'removeScheduler').length;
}
