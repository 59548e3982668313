import { timestamp } from '@redis-queue/controller';
import type { RunObject } from './run-objects.ts';

/** For so long what cannot be removed holds its object: a storage, or a Redis, that may never answer again. */
export const REMOVAL_PATIENCE_MS = 300_000;
/** The same while it waits for a place, which comes once other removals end: they have an hour. */
export const PLACE_PATIENCE_MS = 3_600_000;

/** For so long a backup of several queues waits for those that may be readable soon, before it is taken without. */
const QUEUES_PATIENCE_MS = 300_000;

/** What patience depends on. */
export interface Removed extends Pick<RunObject, 'metadata'> {
  readonly status?: { readonly removalBlockedSince?: string | undefined; readonly completionTime?: string | undefined };
}

/**
 * Since when something has stood in the way of its removal, as its status is to say: now, if nothing has yet. What came
 * between the deletion and the first try, such as a restore that read it, or a controller that was away, is not waited
 * for here.
 */
export function blockedSince({ metadata, status }: Removed, now: Date): string {
  const since = status?.removalBlockedSince;
  const sinceMs = Date.parse(since ?? '');
  const leftMs = Date.parse(metadata.deletionTimestamp ?? status?.completionTime ?? '');
  // Any other time was written by a clock that was wrong.
  return since !== undefined && sinceMs >= leftMs && sinceMs <= now.getTime() ? since : timestamp(now);
}

/** For how many ms it has, with this reconcile. */
export function blockedMs(object: Removed, now: Date): number {
  return now.getTime() - Date.parse(blockedSince(object, now));
}

/** Whether a backup still waits for queues that may be readable soon: for no more than half of the time that it has. */
export function waitsForQueues({ spec, status }: Pick<RunObject, 'spec' | 'status'>, now: Date): boolean {
  const { activeDeadlineSeconds = Infinity } = spec;
  const sinceMs = now.getTime() - Date.parse(status?.startTime ?? now.toISOString());
  // A start in the future was noted by a clock that was wrong.
  return sinceMs >= 0 && sinceMs < Math.min(QUEUES_PATIENCE_MS, activeDeadlineSeconds * 500);
}
