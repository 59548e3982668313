import { saidBefore, timestamp, type Problem } from '@redis-queue/controller';
import { hasEnded, type RunFields, type RunObject } from './run-objects.ts';
import { failuresAfter, type Stage } from './stage.ts';

/** The condition types of objects that run once, beside those of every kind; each is absent while it does not hold. */
export const RunCondition = { Complete: 'Complete', Failed: 'Failed' } as const;

export type RunOutcome = 'completed' | 'failed';

/** How it ends with this reconcile, or ended before; undefined: it goes on. */
export function outcomeOf(object: RunObject, stage: Stage): RunOutcome | undefined {
  switch (stage) {
    case 'ended':
      return object.status?.phase === 'Failed' ? 'failed' : 'completed';
    case 'succeeded':
      return 'completed';
    case 'late':
    case 'returned':
      return 'failed';
    case 'failed':
      return failuresAfter(object) > object.spec.backoffLimit ? 'failed' : undefined;
    default:
      return undefined;
  }
}

/** The fields of the status that say where it is. */
export function runFields(
  object: RunObject,
  stage: Stage,
  now: Date,
): RunFields & { phase: NonNullable<RunFields['phase']> } {
  const { startTime = timestamp(now), completionTime, failures, lastFailureTime } = object.status ?? {};
  const outcome = outcomeOf(object, stage);
  const isNewFailure = stage === 'failed';
  const failed = isNewFailure ? failuresAfter(object) : failures;
  const failedAt = isNewFailure ? timestamp(now) : lastFailureTime;
  const endedAt = completionTime ?? (outcome && timestamp(now));
  return {
    phase: phaseOf(object, stage),
    startTime,
    ...(endedAt !== undefined && { completionTime: endedAt }),
    ...(failed !== undefined && { failures: failed }),
    ...(failedAt !== undefined && { lastFailureTime: failedAt }),
  };
}

/** Fields that a status does not have are absent in it, and not undefined. */
export function withoutUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function phaseOf(object: RunObject, stage: Stage): NonNullable<RunFields['phase']> {
  if (hasEnded(object)) return object.status?.phase ?? 'Completed';
  const outcome = outcomeOf(object, stage);
  if (outcome) return outcome === 'completed' ? 'Completed' : 'Failed';
  return stage === 'running' ? 'Running' : 'Pending';
}

/**
 * What Ready says of one that has nothing more to do: how it ended, as the condition of its end has it. Ready itself may
 * have said since that something failed that is over.
 */
export function saidOfEnd<R extends string>({ status }: Pick<RunObject, 'status'>): Problem<R> | undefined {
  const said = (type: string): Problem<R> | undefined => saidBefore<R>(status?.conditions, type);
  return said(RunCondition.Complete) ?? said(RunCondition.Failed) ?? said('Ready');
}
