import type {
  ManagedField,
  ObservedPolicy,
  OwnerMark,
  QueueSample,
  RateLimitWindow,
  ServerInfo,
} from '@redis-queue/bullmq';
import type { FinalizerStep } from '@redis-queue/controller';
import type { Claimant, HolderState } from './ownership.ts';
import type { Problem } from './reasons.ts';

// What planning starts from and ends with, for `plan.ts` and `deletion.ts`.

/** The observed state, as far as it could be read. */
export interface ObservedQueue {
  readonly clusterId: string;
  /** Why Redis could not be read; then there is no `policy`. */
  readonly problem?: Problem;
  /** After how many ms this queue is the one to find out whether the Redis answers again. */
  readonly probeAfterMs?: number;
  readonly policy?: ObservedPolicy;
  readonly server?: ServerInfo;
  readonly claimants: readonly Claimant[];
  readonly holder?: HolderState;
  /** Read only while the object is being deleted. */
  readonly sample?: QueueSample;
}

/** One change, small enough to be interrupted before and after. */
export type QueueStep =
  | FinalizerStep
  | { readonly kind: 'claim'; readonly mark: OwnerMark; readonly from?: string }
  | { readonly kind: 'pause' }
  | { readonly kind: 'setRateLimit'; readonly window: RateLimitWindow; readonly was?: RateLimitWindow }
  | { readonly kind: 'clearRateLimit' }
  | { readonly kind: 'setGlobalConcurrency'; readonly value: number; readonly was?: number }
  | { readonly kind: 'clearGlobalConcurrency' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'release'; readonly mark: OwnerMark; readonly fields: readonly ManagedField[] }
  | { readonly kind: 'obliterate'; readonly force: boolean };

export interface QueuePlan {
  /** In the order to apply them; none when nothing differs. */
  readonly steps: readonly QueueStep[];
  /** What stands in the way of the spec. */
  readonly problem?: Problem;
  /** The owner mark as stored when the plan was made: writes happen only while it is that one. */
  readonly rawOwnerMark?: string;
  /** The queue was another's, or nobody's. */
  readonly adopts?: true;
}
