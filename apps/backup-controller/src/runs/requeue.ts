import { soonestMs } from '@redis-queue/controller';
import { backoffDueMs, deadlineDueMs, deletionDueMs, hasEnded, type RunObject } from './run-objects.ts';
import type { RunState } from './runs.ts';
import type { Stage } from './stage.ts';

/** How often numbers that move are written, per object. */
export const PROGRESS_EVERY_MS = 2_000;
/** Timers of Node count no more than 24 days; what waits for longer is looked at each day. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/**
 * After how many ms an object that runs once is to be reconciled again; undefined: when something changes, as when its
 * run begins or ends.
 *
 * @param object with the status as it is to be.
 * @param retryMs when to look again whether what stands in the way still does.
 */
export function waitMs(
  object: RunObject,
  { stage, run }: { readonly stage: Stage; readonly run?: RunState<unknown, unknown> | undefined },
  { now, retryMs }: { readonly now: Date; readonly retryMs: number | undefined },
): number | undefined {
  const isLeaving = object.metadata.deletionTimestamp !== undefined;
  if (run && run.phase !== 'ended') {
    const deadlineMs = isLeaving ? retryMs : deadlineDueMs(object, now);
    return bounded(soonestMs([run.phase === 'running' ? PROGRESS_EVERY_MS : undefined, deadlineMs]));
  }
  if (isLeaving) return retryMs;
  if (hasEnded(object)) return bounded(deletionDueMs(object, now));
  const deadlineMs = deadlineDueMs(object, now);
  if (stage === 'failed' || stage === 'backingOff') return bounded(soonestMs([backoffDueMs(object, now), deadlineMs]));
  return bounded(soonestMs([retryMs, deadlineMs]));
}

function bounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(ms, LONGEST_WAIT_MS);
}
