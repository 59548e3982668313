import type { Queue, QueueReason } from '@redis-queue/api';
import { findCondition, type Problem } from '@redis-queue/controller';
import { isForced, removes } from './policy.ts';

/** The condition of a deletion in whose way something stands; absent while nothing does. */
export const DELETION_BLOCKED = 'DeletionBlocked';

/** How long a deleted Queue waits for a Redis that cannot be reached or refuses, as in a namespace that is being deleted. */
export const PATIENCE_MS = 5 * 60_000;

/** Reasons of a deletion that goes on as it should; any other stands in its way. */
const IN_PROGRESS: ReadonlySet<QueueReason> = new Set([
  'Deleting',
  'DeletionDelayed',
  'ActiveJobs',
  'WaitingChildren',
  'OwnershipLost',
]);

/** Redis answers reads and refuses what a removal writes. */
const WRITE_REFUSALS: ReadonlySet<string> = new Set<QueueReason>([
  'RedisNoPermission',
  'RedisReadOnly',
  'RedisOutOfMemory',
  'QueueUnreadable',
  'RedisError',
]);

/** What the condition DeletionBlocked says, whose time tells since when; undefined while nothing is in the way. */
export function describeBlockedDeletion(
  queue: Queue,
  problem: Problem<QueueReason> | undefined,
): Problem<QueueReason> | undefined {
  if (!queue.metadata.deletionTimestamp || !problem || IN_PROGRESS.has(problem.reason)) return undefined;
  return {
    reason: problem.reason,
    message: `${problem.message}; after 5 minutes of this the object goes and the data stays, at once with deletionPolicy Retain`,
  };
}

/** Since when Redis cannot be reached or refuses, as the condition remembers it across restarts. */
export interface Blocked {
  /** Until the deletion is given up. */
  readonly leftMs: number;
  /** It is given up now: it has lasted for long enough, or somebody wants it. */
  readonly isOver: boolean;
  /** Redis can be read. */
  readonly byRefusal: boolean;
  readonly message: string;
}

/** How long something has stood in the way, and whether it is waited for any longer. */
export function blockedFor(queue: Queue, now: Date): Blocked {
  const found = findCondition(queue.status?.conditions, DELETION_BLOCKED);
  const sinceMs = found ? now.getTime() - Date.parse(found.lastTransitionTime) : 0;
  return {
    leftMs: Math.max(0, PATIENCE_MS - sinceMs),
    isOver: sinceMs >= PATIENCE_MS || isForced(queue) || !removes(queue),
    byRefusal: found !== undefined && WRITE_REFUSALS.has(found.reason),
    message: findCondition(queue.status?.conditions, 'Ready')?.message ?? 'Redis refuses',
  };
}
