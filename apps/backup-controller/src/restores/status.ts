import { QUEUE_RESTORE_REASONS, type QueueRestoreStatus } from '@redis-queue/api';
import { clipText, kindConditions, saidBefore, timestamp } from '@redis-queue/controller';
import { RestoreDiffersFailure, type RestoredQueue, type RestoreResult, type ResumptionResult } from '../engine/run-restore.ts';
import { outcomeOf, RunCondition, runFields } from '../runs/run-status.ts';
import type { ObservedRestore, Problem, RestoreObject, RestorePlan } from './steps.ts';

export interface Outcome {
  readonly observed: ObservedRestore;
  readonly plan: RestorePlan;
  readonly problem?: Problem | undefined;
}

/** Of an entry of a list, in UTF-16 units. */
const LONGEST_TEXT = 512;

/** What the status should say. Pure; an unchanged outcome gives a deeply equal status. */
export function restoreStatus(restore: RestoreObject, { observed, problem }: Outcome, now: Date): QueueRestoreStatus {
  const { stage, run } = observed;
  const { restored, resumption } = endOf(observed);
  const { location, queues, jobs } = restore.status ?? {};
  const ready = problem ?? readyOf(restore, restored, resumption);
  const outcome = outcomeOf(restore, stage);
  const notices = {
    [RunCondition.Complete]: outcome === 'completed' ? completedAs(restore, ready) : undefined,
    [RunCondition.Failed]: outcome === 'failed' ? ready : undefined,
  };
  const progress = run?.phase === 'running' ? run.progress : undefined;
  const before = {
    ...(location !== undefined && { location }),
    ...(queues && { queues }),
    ...(jobs !== undefined && { jobs }),
  };
  return {
    observedGeneration: restore.metadata.generation ?? 0,
    conditions: kindConditions(restore, QUEUE_RESTORE_REASONS, ready, notices, now),
    ...runFields(restore, stage, now),
    ...timesOf(restore, { restored, resumption }, now),
    ...(progress && { progress: { ...progress } }),
    ...(restored ? contents(restored) : before),
    ...differencesOf(observed),
  };
}

interface End {
  readonly restored?: RestoreResult | undefined;
  readonly resumption?: ResumptionResult | undefined;
}

/** What its run came to, where it ended well. */
function endOf({ run }: ObservedRestore): End {
  if (run?.phase !== 'ended' || !run.end.ok) return {};
  const { result } = run.end;
  return 'stayPaused' in result ? { resumption: result } : { restored: result };
}

function timesOf({ spec, status }: RestoreObject, { restored, resumption }: End, now: Date): Partial<QueueRestoreStatus> {
  const verifiedAt = status?.verifiedAt ?? (restored && !spec.dryRun ? timestamp(now) : undefined);
  const resumedAt = status?.resumedAt ?? (resumption ? timestamp(now) : undefined);
  return { ...(verifiedAt !== undefined && { verifiedAt }), ...(resumedAt !== undefined && { resumedAt }) };
}

function readyOf(restore: RestoreObject, restored: RestoreResult | undefined, resumption: ResumptionResult | undefined): Problem {
  const { status, spec } = restore;
  if (restored && spec.dryRun) return dryRunOf(restored);
  if (restored) return held(restored.jobs, restored.location);
  if (resumption) {
    const { stayPaused } = resumption;
    const paused = stayPaused.length === 0 ? '' : `; ${stayPaused.join(', ')} ${stayPaused.length === 1 ? 'stays' : 'stay'} paused, as before`;
    return { reason: 'Restored', message: `${status?.jobs ?? 0} jobs are restored from ${status?.location ?? 'the backup'}${paused}` };
  }
  const said = saidBefore<Problem['reason']>(status?.conditions, 'Ready');
  // Verified, and spec.resume was taken back before its queues were resumed.
  if (said?.reason === 'Resuming') return held(status?.jobs ?? 0, status?.location ?? 'the backup');
  return said ?? { reason: 'Pending', message: 'nothing is known yet' };
}

/** What Complete goes on saying while queues are resumed. */
function completedAs({ status }: RestoreObject, ready: Problem): Problem {
  const isGood = QUEUE_RESTORE_REASONS[ready.reason].kind === 'ready';
  return isGood ? ready : (saidBefore<Problem['reason']>(status?.conditions, RunCondition.Complete) ?? ready);
}

function dryRunOf({ queues, jobs, location }: RestoreResult): Problem {
  const wouldRun = queues.reduce((total, queue) => total + (queue.wouldRun ?? 0), 0);
  const message = `${jobs} jobs can be restored from ${location}, and workers would start ${wouldRun} of them; nothing was written`;
  return { reason: 'WouldRestore', message };
}

function held(jobs: number, location: string): Problem {
  const message = `${jobs} jobs are restored from ${location}, and their queues stay paused; set spec.resume to true to let workers start them`;
  return { reason: 'RestoredPaused', message };
}

function contents({ location, queues, jobs }: RestoreResult): Partial<QueueRestoreStatus> {
  return { location, jobs, queues: queues.map(shown) };
}

/** What a run found that compared and failed. */
function differencesOf({ run }: ObservedRestore): Partial<QueueRestoreStatus> {
  if (run?.phase !== 'ended' || run.end.ok || !(run.end.error instanceof RestoreDiffersFailure)) return {};
  return { queues: run.end.error.queues.map(shown) };
}

function shown({ detached, differences, ...rest }: RestoredQueue): NonNullable<QueueRestoreStatus['queues']>[number] {
  const texts = (list: readonly string[]): string[] => list.map((text) => clipText(text, LONGEST_TEXT).toWellFormed());
  return {
    ...rest,
    ...(differences && differences.length > 0 && { differences: texts(differences) }),
    ...(detached && detached.length > 0 && { detached: texts(detached) }),
  };
}
