import type { Condition, RunPhase } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';

/** What the kinds have in common whose objects run once. */
export interface RunObject extends Resource {
  readonly spec: {
    readonly activeDeadlineSeconds?: number | undefined;
    readonly backoffLimit: number;
    readonly ttlSecondsAfterFinished?: number | undefined;
  };
  readonly status?: RunFields & { observedGeneration?: number; conditions?: Condition[] };
}

export interface RunFields {
  phase?: RunPhase | undefined;
  startTime?: string | undefined;
  completionTime?: string | undefined;
  failures?: number | undefined;
  lastFailureTime?: string | undefined;
}

/** The delay after the first failure, which doubles with each, and the longest. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** As a Job has it. */
export const JOB_BACKOFF: Backoff = { firstMs: 10_000, longestMs: 360_000 };

/** Whether it has ended, completed or failed: its time of completion says so, and is never taken back. */
export function hasEnded({ status }: Pick<RunObject, 'status'>): boolean {
  return status?.completionTime !== undefined;
}

/** In how many ms an ended object is to be deleted; undefined: never. */
export function deletionDueMs({ spec, status }: RunObject, now: Date): number | undefined {
  return dueMs(status?.completionTime, spec.ttlSecondsAfterFinished, now);
}

/** In how many ms it fails for having taken too long; undefined: never. */
export function deadlineDueMs({ spec, status }: RunObject, now: Date): number | undefined {
  return hasEnded({ ...(status && { status }) })
    ? undefined
    : dueMs(status?.startTime, spec.activeDeadlineSeconds, now);
}

/** In how many ms it may run again after the last failure; 0: now. */
export function backoffDueMs(
  { status }: Pick<RunObject, 'status'>,
  now: Date,
  { firstMs, longestMs }: Backoff = JOB_BACKOFF,
): number {
  const { failures = 0, lastFailureTime } = status ?? {};
  if (failures === 0) return 0;
  const delayMs = Math.min(firstMs * 2 ** (failures - 1), longestMs);
  const due = dueMs(lastFailureTime, delayMs / 1_000, now) ?? 0;
  // A failure in the future was noted by a clock that was wrong.
  return due > delayMs ? 0 : due;
}

/** A time that is none has no due. */
function dueMs(since: string | undefined, seconds: number | undefined, now: Date): number | undefined {
  if (since === undefined || seconds === undefined) return undefined;
  const endMs = Date.parse(since) + seconds * 1_000;
  return Number.isNaN(endMs) ? undefined : Math.max(0, endMs - now.getTime());
}
