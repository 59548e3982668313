import type { Problem as KindProblem } from '@redis-queue/controller';
import { WORKER_POOL_REASONS, type WorkerPoolReason } from '@redis-queue/api';

/** The condition types of a WorkerPool. Those that are abnormal when True are absent while they do not hold. */
export const PoolCondition = {
  Ready: 'Ready',
  Available: 'Available',
  Degraded: 'Degraded',
  Reconciling: 'Reconciling',
  Stalled: 'Stalled',
  ScalingActive: 'ScalingActive',
  /** Normal when True; absent while autoscaling is off. */
  AbleToScale: 'AbleToScale',
  ScalingLimited: 'ScalingLimited',
  ReplicasContested: 'ReplicasContested',
  PodsBlocked: 'PodsBlocked',
  PodsKilled: 'PodsKilled',
  HandlersStuck: 'HandlersStuck',
  QueueNotConsumed: 'QueueNotConsumed',
  /** Normal when True, and absent then. */
  StuckPodsReplaced: 'StuckPodsReplaced',
  /** Normal when True, and absent then: most pools have no configuration to follow. */
  ConfigTracked: 'ConfigTracked',
  /** Normal when True, and absent then. */
  BusyPodsSpared: 'BusyPodsSpared',
} as const;

/** Every reason that a WorkerPool's conditions and events give; part of the API, as alerts match them. */
export const REASONS = WORKER_POOL_REASONS;

export type Reason = WorkerPoolReason;

/** Why a pool cannot be brought to its spec now. */
export type Problem = KindProblem<Reason>;
