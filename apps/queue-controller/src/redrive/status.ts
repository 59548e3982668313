import { isDeepStrictEqual } from 'node:util';
import { QUEUE_REDRIVE_REASONS, type QueueRedriveStatus } from '@redis-queue/api';
import { clipText, kindConditions, saidBefore, timestamp } from '@redis-queue/controller';
import { filterOf, hasEnded, type RedriveObject } from './redrives.ts';
import type { ObservedRedrive, Problem, RedrivePlan } from './steps.ts';

/** The condition types of a QueueRedrive beside those of every kind; each is absent while it does not hold. */
export const RedriveCondition = { Complete: 'Complete', Failed: 'Failed', Suspended: 'Suspended' } as const;

export interface Outcome {
  readonly observed: ObservedRedrive;
  readonly plan: RedrivePlan;
  readonly problem?: Problem | undefined;
}

const LONGEST_ID = 256;

/** What the status should say. Pure; an unchanged outcome gives a deeply equal status. */
export function redriveStatus(redrive: RedriveObject, outcome: Outcome, now: Date): QueueRedriveStatus {
  const { observed, problem } = outcome;
  const filter = filterOf(redrive);
  const failed = saidBefore<Problem['reason']>(redrive.status?.conditions, RedriveCondition.Failed);
  const isFailed = 'problem' in filter || problem?.reason === 'RestoredByVelero' || failed !== undefined;
  const isEnded = hasEnded(redrive) || observed.progress?.ended === true || isFailed;
  const numbers = numbersOf(redrive, outcome, now);
  const ready = problem ?? failed ?? endOf(redrive, filter, numbers);
  const end = isEnded ? ready : undefined;
  const notices = {
    [RedriveCondition.Complete]: isFailed ? undefined : end,
    [RedriveCondition.Failed]: isFailed ? end : undefined,
    [RedriveCondition.Suspended]: problem?.reason === 'Suspended' ? problem : undefined,
  };
  const completionTime = redrive.status?.completionTime ?? (isEnded ? timestamp(now) : undefined);
  return {
    observedGeneration: redrive.metadata.generation ?? 0,
    conditions: kindConditions(redrive, QUEUE_REDRIVE_REASONS, ready, notices, now),
    ...numbers,
    ...(completionTime !== undefined && { completionTime }),
  };
}

type Numbers = Pick<QueueRedriveStatus, 'startTime' | 'lettersUntil' | 'matched' | 'redriven' | 'skipped' | 'sample'>;

/** None becomes less: a redrive that begins again at the oldest dead letter, after a crash, counts again from there. */
function numbersOf(redrive: RedriveObject, { observed, plan }: Outcome, now: Date): Numbers {
  const { startTime, lettersUntil, matched, redriven, skipped, sample } = redrive.status ?? {};
  const { progress, place } = observed;
  const step = plan.steps.find(({ kind }) => kind !== 'delete') as { readonly untilMs: number } | undefined;
  const begun = startTime ?? (step && timestamp(now));
  const until = lettersUntil ?? (step && new Date(step.untilMs).toISOString());
  const counted = matched ?? progress?.matched;
  const inRedis = step && !redrive.spec.dryRun ? (progress?.redriven ?? place?.state.redriven) : undefined;
  const putBack = most(redriven, inRedis);
  const jobExists = most(skipped?.jobExists, progress?.skipped?.exists);
  const diedAgain = most(skipped?.diedAgain, progress?.skipped?.again);
  const ids = sample ?? progress?.sample?.map((id) => clipText(id, LONGEST_ID).toWellFormed());
  return {
    ...(begun !== undefined && { startTime: begun }),
    ...(until !== undefined && { lettersUntil: until }),
    ...(counted !== undefined && { matched: counted }),
    ...(putBack !== undefined && { redriven: putBack }),
    ...(jobExists !== undefined && diedAgain !== undefined && { skipped: { jobExists, diedAgain } }),
    ...(ids && { sample: ids }),
  };
}

function most(before: number | undefined, now: number | undefined): number | undefined {
  return before === undefined && now === undefined ? undefined : Math.max(before ?? 0, now ?? 0);
}

/** How it ended. */
function endOf(
  { spec: { queueRef, dryRun } }: RedriveObject,
  filter: ReturnType<typeof filterOf>,
  { matched = 0, redriven = 0, skipped }: Numbers,
): Problem {
  if ('problem' in filter) return { reason: 'FilterInvalid', message: `spec.filter: ${filter.problem}` };
  if (dryRun)
    return {
      reason: 'Counted',
      message: `${matched} dead letters of Queue ${queueRef.name} match; nothing was changed`,
    };
  const reasons = [
    ...(skipped && skipped.jobExists > 0 ? [`${skipped.jobExists} because a job of that id is there`] : []),
    ...(skipped && skipped.diedAgain > 0 ? [`${skipped.diedAgain} because they died again`] : []),
  ];
  const left = reasons.length === 0 ? '' : `; dead letters stay: ${reasons.join(', ')}`;
  const message = `${redriven} of ${matched} dead letters that matched are back in Queue ${queueRef.name}${left}`;
  return { reason: 'Redriven', message };
}

/** How much of a status is new: `progress` is numbers alone, which can wait for their turn. */
export function compareStatus(
  before: QueueRedriveStatus | undefined,
  after: QueueRedriveStatus,
): 'none' | 'progress' | 'news' {
  if (!isDeepStrictEqual(withoutNumbers(before), withoutNumbers(after))) return 'news';
  const { redriven, skipped } = before ?? {};
  return isDeepStrictEqual([redriven, skipped], [after.redriven, after.skipped]) ? 'none' : 'progress';
}

function withoutNumbers(status: QueueRedriveStatus | undefined): object {
  const { redriven: _, skipped: __, conditions, ...rest } = status ?? {};
  return { ...rest, conditions: conditions?.toSorted((a, b) => a.type.localeCompare(b.type)) };
}
