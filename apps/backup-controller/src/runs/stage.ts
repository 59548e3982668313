import { restoredUnfinished, saidBefore, type Problem } from '@redis-queue/controller';
import { PostponedError, problemOfRun } from './failure.ts';
import { backoffDueMs, deadlineDueMs, hasEnded, type RunObject } from './run-objects.ts';
import { InterruptedError } from './interrupted-error.ts';
import { OutdatedError } from './outdated-error.ts';
import type { RunState } from './runs.ts';

/** Where an object is, by its status and by what this process knows of its run. */
export type Stage =
  /** It is not what its run was begun for: the cache shows an older object than there is, by which nothing is decided. */
  | 'outdated'
  /** It has ended, as its status says. */
  | 'ended'
  /** Velero has created it, and may be about to write its status. */
  | 'returning'
  /** Velero has created it without the status of its end, so that nobody knows whether it has run. */
  | 'returned'
  /** Its run is complete, and the status is to say so. */
  | 'succeeded'
  /** Its deadline has passed. */
  | 'late'
  /** Its run waits for a place. */
  | 'waiting'
  | 'running'
  /** Its run failed, which the status is to say. */
  | 'failed'
  /** Its run could not do its work yet, and is begun again after a while. */
  | 'postponed'
  /** It failed a moment ago. */
  | 'backingOff'
  /** Nothing runs for it, and something should. */
  | 'due';

export function stageOf(object: RunObject, run: RunState<unknown, unknown> | undefined, now: Date): Stage {
  if (run && isOutdated(run)) return 'outdated';
  if (hasEnded(object)) return 'ended';
  const restored = restoredUnfinished(object, now);
  if (restored) return restored.statusWithinMs > 0 ? 'returning' : 'returned';
  if (run?.phase === 'ended' && run.end.ok) return 'succeeded';
  if (deadlineDueMs(object, now) === 0) return 'late';
  // One that was interrupted, not failed, is begun again at once.
  if (run?.phase === 'ended' && isPostponed(run)) return 'postponed';
  if (run?.phase === 'ended') return isInterrupted(run) ? 'due' : 'failed';
  if (run) return run.phase;
  return backoffDueMs(object, now) > 0 ? 'backingOff' : 'due';
}

/** The reasons that this gives; every kind whose objects run once has them. */
export type StageReason =
  'WaitingForPlace' | 'Interrupted' | 'BackoffLimitExceeded' | 'DeadlineExceeded' | 'RestoredByVelero';

export const WAITING_FOR_PLACE = {
  reason: 'WaitingForPlace',
  message:
    'as many backups and restores run as may, of this namespace or of all; it goes on when one ends, or has had its share of time',
} as const satisfies Problem<StageReason>;

/** What stands between the spec and its end, as far as the stage says it. */
export function problemOfStage<R extends string>(
  object: RunObject,
  stage: Stage,
  run: RunState<unknown, unknown> | undefined,
  now: Date,
): Problem<R | StageReason> | undefined {
  const before = saidBefore<R>(object.status?.conditions, 'Ready');
  switch (stage) {
    case 'returned': {
      const { message } = restoredUnfinished(object, now) ?? {};
      return message === undefined ? undefined : { reason: 'RestoredByVelero', message };
    }
    case 'late': {
      const message = `spec.activeDeadlineSeconds, ${object.spec.activeDeadlineSeconds}, passed before it ended${before ? `; it was at ${before.reason}: ${before.message}` : ''}`;
      return { reason: 'DeadlineExceeded', message };
    }
    case 'waiting':
      return WAITING_FOR_PLACE;
    case 'postponed':
      return run?.phase === 'ended' && !run.end.ok ? (problemOfRun<R>(run.end.error) as Problem<R>) : undefined;
    case 'failed':
      return problemOfFailed<R>(object, run);
    case 'backingOff':
      return before;
    default:
      return undefined;
  }
}

/** Why the run failed, or that it did so once too often. */
function problemOfFailed<R extends string>(
  object: RunObject,
  run: RunState<unknown, unknown> | undefined,
): Problem<R | StageReason> | undefined {
  if (run?.phase !== 'ended' || run.end.ok) return undefined;
  const problem = problemOfRun<R>(run.end.error) as Problem<R>;
  const failures = failuresAfter(object);
  if (failures <= object.spec.backoffLimit) return problem;
  const times = failures === 1 ? 'its run failed' : `${failures} runs failed`;
  return {
    reason: 'BackoffLimitExceeded',
    message: `${times}, and spec.backoffLimit is ${object.spec.backoffLimit}; the last one: ${problem.reason}: ${problem.message}`,
  };
}

/** Runs that have failed, the one that is to be reported included. */
export function failuresAfter({ status }: Pick<RunObject, 'status'>): number {
  return (status?.failures ?? 0) + 1;
}

function isPostponed(run: RunState<unknown, unknown>): boolean {
  return run.phase === 'ended' && !run.end.ok && run.end.error instanceof PostponedError;
}

/** Whether a run found that its object is not what it was begun for. */
export function isOutdated(run: RunState<unknown, unknown>): boolean {
  return run.phase === 'ended' && !run.end.ok && run.end.error instanceof OutdatedError;
}

/** Whether a run ended because the process was to end, and did not fail. */
export function isInterrupted(run: RunState<unknown, unknown>): boolean {
  return run.phase === 'ended' && !run.end.ok && run.end.error instanceof InterruptedError;
}
