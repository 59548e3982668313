import type { QueueReason } from '@redis-queue/api';

/** The condition types of a Queue; those that are abnormal when True are absent while they do not hold. */
export const QueueCondition = {
  Ready: 'Ready',
  Reconciling: 'Reconciling',
  Stalled: 'Stalled',
  BurstCapped: 'BurstCapped',
  FieldsNotEnforced: 'FieldsNotEnforced',
  MaxmemoryPolicy: 'MaxmemoryPolicy',
} as const;

/** Why a queue cannot be brought to its spec now, or what else there is to say; the reasons are part of the API. */
export interface Problem {
  readonly reason: QueueReason;
  readonly message: string;
}
