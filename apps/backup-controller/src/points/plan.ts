import { findCondition, saidBefore } from '@redis-queue/controller';
import { BACKING_UP, planFinalizer, planRemoval, unlessNew } from '../backups/plan.ts';
import type { BackupObject, Problem } from '../backups/steps.ts';
import { problemOfRun } from '../runs/failure.ts';
import { isOutdated, problemOfStage } from '../runs/stage.ts';
import { hasPoints, type ObservedPoints, type PointsPlan, type PointsStep } from './steps.ts';

/** What is to be done for an incremental backup now. Pure. The finalizer comes before the first byte in the storage. */
export function planPoints(backup: BackupObject, observed: ObservedPoints, now: Date): PointsPlan {
  if (observed.stage === 'outdated') return { steps: [] };
  if (backup.metadata.deletionTimestamp !== undefined) return planRemoval(backup, observed, now);
  const { stage, problem, expired } = observed;
  const steps = [
    ...(problem && !hasPoints(backup) ? unlessNew(planFinalizer(backup)) : planFinalizer(backup)),
    ...(stage === 'due' && !problem ? [{ kind: 'begin' } satisfies PointsStep] : []),
    ...(expired !== undefined && !problem ? [{ kind: 'removeChain', number: expired } satisfies PointsStep] : []),
  ];
  if (!hasPoints(backup)) return { steps, ...withProblem('problem', problem ?? problemOf(backup, observed, now)) };
  return { steps, ...withProblem('trouble', troubleOf(backup, observed)) };
}

/** What stands between it and its first point. */
function problemOf(backup: BackupObject, { stage, run }: ObservedPoints, now: Date): Problem | undefined {
  switch (stage) {
    case 'succeeded':
      return undefined;
    case 'due':
    case 'running':
      return BACKING_UP;
    case 'waiting':
      return problemOfStage<Problem['reason']>(backup, stage, run, now);
    case 'failed':
      return failureOf(run);
    default:
      return saidBefore<Problem['reason']>(backup.status?.conditions, 'Ready') ?? BACKING_UP;
  }
}

/** Why the points that there are grow old, or old ones stay. */
function troubleOf(
  backup: BackupObject,
  { stage, run, removal, expired, problem }: ObservedPoints,
): Problem | undefined {
  if (stage === 'failed') return failureOf(run);
  if (problem) return problem;
  const degraded = findCondition(backup.status?.conditions, 'Degraded');
  const before = degraded?.status === 'True' ? saidBefore<Problem['reason']>([degraded], 'Degraded') : undefined;
  // Until a point is taken, also while the next attempt runs.
  if ((backup.status?.failures ?? 0) > 0 && stage !== 'succeeded' && before) return before;
  const left = failureOf(removal);
  if (left) return { reason: 'ChainNotRemoved', message: `an old chain stays: ${left.reason}: ${left.message}` };
  // Until it is removed.
  const isLeft = removal ? removal.phase !== 'ended' : expired !== undefined;
  return isLeft && before?.reason === 'ChainNotRemoved' ? before : undefined;
}

function withProblem<F extends string>(field: F, problem: Problem | undefined): { readonly [K in F]?: Problem } {
  return (problem ? { [field]: problem } : {}) as { readonly [K in F]?: Problem };
}

function failureOf(run: ObservedPoints['run'] | ObservedPoints['removal']): Problem | undefined {
  return run?.phase === 'ended' && !run.end.ok && !isOutdated(run)
    ? (problemOfRun(run.end.error) as Problem)
    : undefined;
}
