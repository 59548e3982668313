import { END_RESTORE_ANNOTATION } from '@redis-queue/api';
import { hasFinalizer, type FinalizerStep } from '@redis-queue/controller';
import type { QueueLeft } from '../engine/end-restore.ts';
import { problemOfRun } from '../runs/failure.ts';
import { blockedMs, PLACE_PATIENCE_MS, REMOVAL_PATIENCE_MS } from '../runs/patience.ts';
import { deletionDueMs } from '../runs/run-objects.ts';
import { saidOfEnd } from '../runs/run-status.ts';
import { problemOfStage, WAITING_FOR_PLACE } from '../runs/stage.ts';
import { describeLeft, leftBy, namesLeft } from './left.ts';
import {
  hasFoundLoss,
  holdsQueues,
  isCopy,
  needsAbandonment,
  needsRelease,
  needsRemoval,
  needsResumption,
  needsRewriting,
  RESTORE_FINALIZER,
  resumes,
  RestoreTask,
  type ObservedRestore,
  type Problem,
  type RestoreObject,
  type RestorePlan,
} from './steps.ts';

/** What is to be done for a restore now. Pure. The finalizer comes before the first write to Redis. */
export function planRestore(restore: RestoreObject, observed: ObservedRestore, now: Date): RestorePlan {
  if (observed.stage === 'outdated') return { steps: [] };
  if (needsAbandonment(restore)) return planAbandonment(restore, observed, now);
  if (needsRewriting(restore)) return planRewriting(restore, observed);
  if (needsResumption(restore)) {
    if (hasFoundLoss(observed.run)) return { steps: [], problem: REWRITING };
    return planTask(observed, 'resume', RESUMING);
  }
  if (isCopy(restore) && holdsQueues(restore) && resumes(restore)) return { steps: [], problem: HELD_BY_ANOTHER };
  const { stage, run } = observed;
  if (needsRemoval(restore) && stage === 'running') return planTask(observed, 'removeScratch', REMOVING);
  switch (stage) {
    case 'ended': {
      const isDue = !holdsQueues(restore) && deletionDueMs(restore, now) === 0;
      return { steps: [...release(restore), ...(isDue ? [{ kind: 'delete' } as const] : [])] };
    }
    case 'succeeded':
    case 'returning':
      return { steps: [] };
    case 'running':
      return {
        steps: [],
        problem: run?.phase === 'ended' && run.task === RestoreTask.restore ? afterIt(restore) : RESTORING,
      };
    case 'due':
      if (observed.problem) {
        // A run that fails at once by it, and is counted: what was begun is not to wait for ever, its queues paused.
        const fails = restore.status?.checkedAt !== undefined && LOST.has(observed.problem.reason);
        return { steps: fails ? [{ kind: 'restore' }] : [], problem: observed.problem };
      }
      if (restore.status?.checkedAt === undefined) return { steps: [{ kind: 'check' }], problem: RESTORING };
      return { steps: [...hold(restore), { kind: 'restore' }], problem: RESTORING };
    default: {
      const problem = problemOfStage<Problem['reason']>(restore, stage, run, now);
      const late = stage === 'late' ? [{ kind: 'abort', why: 'its deadline passed' } as const] : [];
      return { steps: late, ...(problem && { problem }) };
    }
  }
}

/** What a restore that has begun may wait for in vain. */
const LOST: ReadonlySet<Problem['reason']> = new Set<Problem['reason']>([
  'BackupNotFound',
  'BackupNotComplete',
  'BackupFailed',
  'PointNotFound',
  'QueueNotInBackup',
]);

/** Without numbers that move: those have fields of their own. */
const RESTORING: Problem = {
  reason: 'Restoring',
  message: 'the backup is being read, and its jobs written and compared; status.progress says how far it is',
};
const RESUMING: Problem = {
  reason: 'Resuming',
  message: 'all jobs are there and verified, and the queues are being resumed',
};
const REWRITING: Problem = {
  reason: 'Restoring',
  message:
    'Redis has lost part of what was verified, as a failover may do, and it is written and compared again; the queues stay paused until then',
};
const HELD_BY_ANOTHER: Problem = {
  reason: 'RestoredByVelero',
  message:
    'its queues are held by the QueueRestore of which Velero has made this copy, and this one cannot resume them; remove their jobs and create another QueueRestore',
};
const REMOVING: Problem = {
  reason: 'RemovingScratch',
  message: 'every job was as the backup has it, and what was written is being removed',
};
const ABANDONING: Problem = { reason: 'Abandoning', message: 'what the restore has written is being removed' };

function hold(restore: RestoreObject): FinalizerStep[] {
  return hasFinalizer(restore, RESTORE_FINALIZER) ? [] : [{ kind: 'addFinalizer' }];
}

function release(restore: RestoreObject): FinalizerStep[] {
  return needsRelease(restore) ? [{ kind: 'removeFinalizer' }] : [];
}

/** What follows once everything is verified. */
function afterIt({ spec }: RestoreObject): Problem {
  return spec.scratch ? REMOVING : RESUMING;
}

/** What is left to do for one that is verified: tried until it is done. */
function planTask({ run, problem }: ObservedRestore, kind: 'resume' | 'removeScratch', doing: Problem): RestorePlan {
  if (run?.phase === 'ended') {
    if (run.end.ok) return { steps: [] };
    return { steps: [{ kind: 'forgetRun' }], problem: problemOfRun(run.end.error) as Problem };
  }
  if (run) return { steps: [], problem: run.phase === 'waiting' ? WAITING_FOR_PLACE : doing };
  return problem ? { steps: [], problem } : { steps: [{ kind }], problem: doing };
}

/** Of one that is verified, of which Redis has lost part: tried until all of it is there again. */
function planRewriting(restore: RestoreObject, { run, problem }: ObservedRestore): RestorePlan {
  if (run?.phase === 'ended' && run.task === RestoreTask.restore) {
    if (run.end.ok) return { steps: [], ...(resumes(restore) && { problem: RESUMING }) };
    return { steps: [{ kind: 'forgetRun' }], problem: cannotRewrite(restore, problemOfRun(run.end.error) as Problem) };
  }
  // The resumption that has found it out.
  if (run?.phase === 'ended') return { steps: [{ kind: 'forgetRun' }], problem: REWRITING };
  if (run) return { steps: [], problem: run.phase === 'waiting' ? WAITING_FOR_PLACE : REWRITING };
  if (problem) return { steps: [], problem: cannotRewrite(restore, problem) };
  return { steps: [{ kind: 'restore' }], problem: REWRITING };
}

/** With the way out where the backup is gone. */
function cannotRewrite({ metadata: { uid = '' } }: RestoreObject, { reason, message }: Problem): Problem {
  return {
    reason,
    message: `Redis has lost part of what was verified, as a failover may do, and it cannot be written again now: ${message}; where it never can, annotate the Queues with ${END_RESTORE_ANNOTATION}=${uid}, which removes what is left of it, and restore another backup`,
  };
}

/** Of one that failed or is being deleted. What Ready says of a failure stays. */
function planAbandonment(restore: RestoreObject, observed: ObservedRestore, now: Date): RestorePlan {
  const { run, problem } = observed;
  const isLeaving = restore.metadata.deletionTimestamp !== undefined;
  const said = isLeaving ? { problem: ABANDONING } : {};
  if (run && run.phase !== 'ended') {
    const isWaiting = isLeaving && run.phase === 'waiting' && run.task === RestoreTask.abandonment;
    if (isWaiting && blockedMs(restore, now) >= PLACE_PATIENCE_MS) return giveUp(restore, WAITING_FOR_PLACE.message);
    if (isWaiting) return { steps: [], problem: WAITING_FOR_PLACE, isBlocked: true };
    const abort = run.task === RestoreTask.abandonment ? [] : [{ kind: 'abort', why: 'it has ended' } as const];
    return { steps: abort, ...said };
  }
  if (run?.task === RestoreTask.abandonment) {
    if (run.end.ok) return planRelease(restore, leftBy(observed));
    return giveUpOrWait(restore, problemOfRun(run.end.error) as Problem, now);
  }
  if (run) return { steps: [{ kind: 'forgetRun' }], ...said };
  if (problem) return giveUpOrWait(restore, problem, now);
  return { steps: [{ kind: 'abandon' }], ...said };
}

/** The status names what is left before the object is let go. */
function planRelease(restore: RestoreObject, left: readonly QueueLeft[]): RestorePlan {
  const text = left.length > 0 ? describeLeft(left, restore) : undefined;
  const said = saidOfEnd<Problem['reason']>(restore);
  const isLeaving = restore.metadata.deletionTimestamp !== undefined;
  if (text !== undefined && said && !isLeaving && !namesLeft(restore))
    return { steps: [], problem: { reason: said.reason, message: `${said.message}; ${text}` } };
  const retained = text === undefined ? {} : { dataRetained: text };
  return { steps: [{ kind: 'removeFinalizer', ...retained }, { kind: 'forgetRun' }] };
}

function giveUpOrWait(restore: RestoreObject, problem: Problem, now: Date): RestorePlan {
  const isLeaving = restore.metadata.deletionTimestamp !== undefined;
  if (blockedMs(restore, now) < REMOVAL_PATIENCE_MS)
    return { steps: [{ kind: 'forgetRun' }], ...(isLeaving && { problem }), isBlocked: true };
  return giveUp(restore, problem.message);
}

function giveUp({ status }: RestoreObject, why: string): RestorePlan {
  const queues = status?.queues?.map(({ queue }) => queue).join(', ') ?? 'its queues';
  return { steps: [{ kind: 'removeFinalizer', dataRetained: `${queues}: ${why}` }] };
}
