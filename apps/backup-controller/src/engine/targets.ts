import type { QueueRef, RedisTarget } from '@redis-queue/bullmq';

/** A queue into which one of a backup goes. */
export interface QueueTarget {
  /** As the backup names it. */
  readonly name: string;
  /** Name of the Queue object. */
  readonly queue: string;
  /** It goes into the dead-letter queue of that Queue. Default false. */
  readonly isDeadLetters?: boolean;
  readonly ref: QueueRef;
  readonly target: RedisTarget;
}
