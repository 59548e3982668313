import type { Fence } from '@redis-queue/scaling-bus';
import type { Deployment } from '../kubernetes/objects.ts';
import type { BudgetStep } from './disruption-budget.ts';
import type { TakeOver } from './take-over.ts';

/** The size to write, with what is noted beside it. */
export interface SizeWrite {
  readonly replicas: number;
  /** Of the decision that it comes from. */
  readonly fence: Fence;
  /** See `takenBackAfter`. */
  readonly takenBack?: string | undefined;
}

/** One write, small enough to be interrupted before and after. */
export type PoolStep =
  /** `redis-queue` creates the Deployment; only here, and until `redis-queue-scale` has the size, it carries one. */
  | { readonly kind: 'create'; readonly deployment: Deployment; readonly replicas: number }
  /** `redis-queue` applies all but the size. `carryReplicas`: the size, while nobody else of ours owns it. */
  | {
      readonly kind: 'applyTemplate';
      readonly deployment: Deployment;
      readonly carryReplicas?: number;
      readonly drift: boolean;
    }
  /** `redis-queue-scale` applies size and notes in one. */
  | (SizeWrite & { readonly kind: 'scale'; readonly reason: string })
  /** The size is ours again, as it is. */
  | TakeOver
  | BudgetStep;
