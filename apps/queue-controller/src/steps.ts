import type { ManagedField, OwnerMark, PolicyDigest, RateLimitWindow, ServerInfo } from '@redis-queue/bullmq';
import type { DeletionPlan, DeletionStep, ObservedDeletion } from './deletion/steps.ts';
import type { FormerReport } from './former-redis/release.ts';
import type { Way } from './former-redis/ways.ts';
import type { EndRestoreStep } from './restores/held.ts';
import type { HolderState } from './ownership/ownership.ts';
import type { ObservedSchedulers } from './schedulers/plan.ts';

// What planning starts from and ends with, for `plan.ts`.

/** The observed state, as far as it could be read. */
export interface ObservedQueue extends ObservedDeletion {
  /** By which it was read, and its plan is carried out, wherever the Secret leads by then; absent: there is none. */
  readonly way?: Way;
  /** Address and database of the Redis, without a credential; absent while there is no way to it. */
  readonly redisAddress?: string;
  /** After how many ms this queue is the one to find out whether the Redis answers again. */
  readonly probeAfterMs?: number;
  /** Of what is set for the queue since the plan was carried out; `NO_DIGEST`: it has to be looked at again. */
  readonly digestLeft?: PolicyDigest | undefined;
  readonly server?: ServerInfo;
  readonly holder?: HolderState;
  /** Of a retired queue: another one says that a job has come or run. Absent: that is not known. */
  readonly lastRun?: string;
  /** Of a retired queue: for how many ms no job has waited, run or been delayed. Absent: one does. */
  readonly emptyForMs?: number;
  /** Absent: none is declared. */
  readonly schedulers?: ObservedSchedulers;
  /** What became of each Redis that the status lists as left; known once the plan was carried out. */
  readonly former?: readonly FormerReport[];
}

/** One change, small enough to be interrupted before and after. */
export type QueueStep =
  | DeletionStep
  | EndRestoreStep
  | { readonly kind: 'claim'; readonly mark: OwnerMark; readonly from?: string }
  | { readonly kind: 'leaveClaim'; readonly owner: string }
  | { readonly kind: 'movePausedJobs'; readonly jobs: number }
  | { readonly kind: 'setRateLimit'; readonly window: RateLimitWindow; readonly was?: RateLimitWindow }
  | { readonly kind: 'clearRateLimit' }
  | { readonly kind: 'setGlobalConcurrency'; readonly value: number; readonly was?: number }
  | { readonly kind: 'clearGlobalConcurrency' }
  | { readonly kind: 'release'; readonly mark: OwnerMark; readonly fields: readonly ManagedField[] };

export interface QueuePlan extends Omit<DeletionPlan, 'steps'> {
  /** In the order to apply them; none when nothing differs. */
  readonly steps: readonly QueueStep[];
  /**
   * The queue itself is this object's, or becomes it by these steps, and they set all that the spec says of it. A `problem`
   * beside it is of the dead-letter queue, or of a job scheduler.
   */
  readonly governs?: true;
  /** Of what was set for the queue when the plan was made. */
  readonly digest?: PolicyDigest | undefined;
  /** The queue was another's, or nobody's. */
  readonly adopts?: true;
}

/** Job schedulers that the plan removes. */
export function removedSchedulers({ steps }: QueuePlan): number {
  return steps.filter(({ kind }) => kind === 'removeScheduler').length;
}
