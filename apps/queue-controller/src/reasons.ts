import type { QueueReason } from '@redis-queue/api';
import type { Problem as KindProblem } from '@redis-queue/controller';
import { DELETION_BLOCKED } from './deletion/blocked.ts';
import { FORMER_REDIS_HELD } from './former-redis/notices.ts';
import { WORKER_LIMITER } from './limiter/notice.ts';
import { HELD_BY_RESTORE } from './restores/held.ts';
import { SAMPLING_FAILED } from './sampling/sampling-failures.ts';

/**
 * The condition types of a Queue beside Ready, Reconciling and Stalled; those that are abnormal when True are absent
 * while they do not hold. Those of recurring work stand in `upkeep/duty.ts`.
 */
export const QueueCondition = {
  BurstCapped: 'BurstCapped',
  DeletionBlocked: DELETION_BLOCKED,
  Drained: 'Drained',
  FormerRedisHeld: FORMER_REDIS_HELD,
  HeldByRestore: HELD_BY_RESTORE,
  MaxmemoryPolicy: 'MaxmemoryPolicy',
  SamplingFailed: SAMPLING_FAILED,
  WorkerLimiter: WORKER_LIMITER,
} as const;

/** Why a queue cannot be brought to its spec now, or what else there is to say; the reasons are part of the API. */
export type Problem = KindProblem<QueueReason>;
