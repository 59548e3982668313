import { QUEUE_RESTORE_REASONS, type QueueRestoreStatus } from '@redis-queue/api';
import { clipText, kindConditions, saidBefore, timestamp } from '@redis-queue/controller';
import type { CheckResult } from '../engine/check-restore.ts';
import type { ResumptionResult } from '../engine/end-restore.ts';
import { RestoreDiffersFailure, type RestoredQueue, type RestoreResult } from '../engine/run-restore.ts';
import type { RemovalResult } from '../engine/run-scratch.ts';
import { hasEnded } from '../runs/run-objects.ts';
import { blockedSince } from '../runs/patience.ts';
import { outcomeOf, RunCondition, runFields, saidOfEnd, withoutUndefined } from '../runs/run-status.ts';
import { listLeftOut } from '../backups/left-out-status.ts';
import { leftBy } from './left.ts';
import {
  hasFoundLoss,
  needsAbandonment,
  RestoreTask,
  type ObservedRestore,
  type Problem,
  type RestoreObject,
  type RestorePlan,
} from './steps.ts';
import { wantedLeftOut } from './wanted-queues.ts';

export interface Outcome {
  readonly observed: ObservedRestore;
  readonly plan: RestorePlan;
  readonly problem?: Problem | undefined;
}

/** Of an entry of a list, in UTF-16 units. */
const LONGEST_TEXT = 512;

/** What the status should say. Pure; an unchanged outcome gives a deeply equal status. */
export function restoreStatus(
  restore: RestoreObject,
  { observed, plan, problem }: Outcome,
  now: Date,
): QueueRestoreStatus {
  const { stage, run } = observed;
  const end = endOf(observed);
  const found = contentsOf(restore, observed, end);
  const ready = problem ?? readyOf(restore, end, found);
  const isLeaving = restore.metadata.deletionTimestamp !== undefined;
  const outcome = isLeaving ? undefined : outcomeOf(restore, stage);
  const notices = {
    [RunCondition.Complete]: outcome === 'completed' ? completedAs(restore, ready) : undefined,
    [RunCondition.Failed]: outcome === 'failed' ? ready : undefined,
    Degraded: outcome === 'completed' ? queuesNotInBackup(found) : undefined,
  };
  const progress = stage === 'running' && run?.phase === 'running' && !isLeaving ? run.progress : undefined;
  return {
    observedGeneration: restore.metadata.generation ?? 0,
    conditions: kindConditions(restore, QUEUE_RESTORE_REASONS, ready, notices, now),
    ...(isLeaving ? lifeBefore(restore.status) : runFields(restore, stage, now)),
    ...blockedOf(restore, plan, now),
    ...timesOf(restore, end, hasFoundLoss(run), now),
    ...(progress && { progress: { ...progress } }),
    ...found,
  };
}

/** What its run came to, where it ended well. */
interface End {
  readonly check?: CheckResult;
  readonly restored?: RestoreResult;
  readonly resumption?: ResumptionResult;
  readonly removal?: RemovalResult;
}

function endOf({ run }: ObservedRestore): End {
  if (run?.phase !== 'ended' || !run.end.ok) return {};
  const { result } = run.end;
  if ('checked' in result) return { check: result };
  if ('restored' in result) return { restored: result };
  if ('removed' in result) return run.task === RestoreTask.removal ? { removal: result } : {};
  return 'stayPaused' in result ? { resumption: result } : {};
}

/** Of one that is being deleted, as it was. */
function lifeBefore(status: QueueRestoreStatus = {}): Partial<QueueRestoreStatus> {
  const { phase, startTime, completionTime, failures, lastFailureTime } = status;
  return withoutUndefined({ phase, startTime, completionTime, failures, lastFailureTime });
}

/** Since when something has stood in the way of what takes it back. */
function blockedOf(restore: RestoreObject, { isBlocked }: RestorePlan, now: Date): Partial<QueueRestoreStatus> {
  if (!needsAbandonment(restore)) return {};
  const since = isBlocked ? blockedSince(restore, now) : restore.status?.removalBlockedSince;
  return withoutUndefined({ removalBlockedSince: since });
}

function timesOf(
  { status }: RestoreObject,
  { check, restored, resumption, removal }: End,
  isLost: boolean,
  now: Date,
): Partial<QueueRestoreStatus> {
  const lostAt = isLost ? (status?.lostAt ?? timestamp(now)) : restored ? undefined : status?.lostAt;
  return withoutUndefined({
    checkedAt: status?.checkedAt ?? (check && timestamp(now)),
    verifiedAt: status?.verifiedAt ?? (restored && timestamp(now)),
    lostAt,
    resumedAt: status?.resumedAt ?? (resumption && timestamp(now)),
    removedAt: status?.removedAt ?? (removal && timestamp(now)),
  });
}

type Contents = Pick<QueueRestoreStatus, 'location' | 'directory' | 'manifestSha256' | 'queues' | 'jobs' | 'leftOut'>;

/** What is known of the backup and its queues, with what this run has found out. */
function contentsOf(
  { spec, status = {} }: RestoreObject,
  observed: ObservedRestore,
  { check, restored }: End,
): Contents {
  const { run } = observed;
  const { location, directory, manifestSha256, queues, jobs, leftOut } = status;
  if (check) {
    const all = check.checked.map(({ detached, ...rest }) => ({ ...rest, ...texts('detached', detached) }));
    const found = { location: check.location, directory: check.directory, manifestSha256: check.manifestSha256 };
    const lacking = wantedLeftOut(check.leftOut, spec);
    return { ...found, queues: all, jobs: check.jobs, ...(lacking.length > 0 && { leftOut: lacking }) };
  }
  const before = withoutUndefined({ location, directory, manifestSha256, queues, jobs, leftOut });
  const failure = run?.phase === 'ended' && !run.end.ok ? run.end.error : undefined;
  if (failure instanceof RestoreDiffersFailure) return { ...before, queues: withResults(queues, failure.queues) };
  const left = new Set(leftBy(observed).map(({ name }) => name));
  if (left.size > 0 && queues)
    return { ...before, queues: queues.map((each) => (left.has(each.name) ? { ...each, left: true } : each)) };
  if (!restored) return before;
  const total = restored.restored.reduce((sum, each) => sum + each.restored, 0);
  return { ...before, queues: withResults(queues, restored.restored), jobs: total };
}

function withResults(queues: QueueRestoreStatus['queues'] = [], results: readonly RestoredQueue[]): typeof queues {
  return results.map(({ differences, ...rest }) => {
    const { differences: _, ...known } = queues.find(({ name }) => name === rest.name) ?? {};
    return { ...known, ...rest, ...texts('differences', differences) };
  });
}

function texts<F extends string>(field: F, list: readonly string[] = []): { [K in F]?: string[] } {
  if (list.length === 0) return {};
  return { [field]: list.map((text) => clipText(text, LONGEST_TEXT).toWellFormed()) } as { [K in F]?: string[] };
}

function readyOf(restore: RestoreObject, { check, restored, resumption, removal }: End, found: Contents): Problem {
  const { spec, status } = restore;
  const { jobs = 0, location = 'the backup', queues = [] } = found;
  const lacking = queuesNotInBackup(found);
  const lacks = lacking ? `; ${lacking.message}` : '';
  if (check && spec.dryRun) {
    const wouldRun = queues.reduce((total, queue) => total + (queue.wouldRun ?? 0), 0);
    const message = `${jobs} jobs can be restored from ${location}, and workers would start ${wouldRun} of them; nothing was written${lacks}`;
    return { reason: 'WouldRestore', message };
  }
  if (resumption) {
    const { stayPaused } = resumption;
    const paused =
      stayPaused.length === 0
        ? ''
        : `; ${stayPaused.join(', ')} ${stayPaused.length === 1 ? 'stays' : 'stay'} paused, as before, or as spec.paused of the Queue says`;
    return {
      reason: 'Restored',
      message: `${jobs} jobs are restored from ${location}${skippedJobs(queues)}${paused}${lacks}`,
    };
  }
  if (removal) {
    const took = secondsBetween(status?.startTime, status?.verifiedAt);
    const message = `${jobs} jobs of ${location} were restored under keys of their own and compared, in ${took} s, and are removed${lacks}`;
    return { reason: 'Verified', message };
  }
  // Verified, and spec.resume is false, or was taken back before its queues were resumed.
  if (!spec.scratch && (restored || (status?.verifiedAt !== undefined && !hasEnded(restore)))) {
    const message = `${jobs} jobs are restored from ${location}${skippedJobs(queues)}, and their queues stay paused; set spec.resume to true to let workers start them${lacks}`;
    return { reason: 'RestoredPaused', message };
  }
  return saidOfEnd<Problem['reason']>(restore) ?? { reason: 'Pending', message: 'nothing is known yet' };
}

/** What to say where the backup does not have queues that it was to have. */
function queuesNotInBackup({ leftOut: lacking = [] }: Contents): Problem | undefined {
  if (lacking.length === 0) return undefined;
  const message = `the backup does not have ${listLeftOut(lacking)}, which could not be read when it was taken`;
  return { reason: 'QueuesNotInBackup', message };
}

function skippedJobs(queues: NonNullable<QueueRestoreStatus['queues']>): string {
  const some = queues.filter(({ skipped = 0 }) => skipped > 0);
  if (some.length === 0) return '';
  const listed = some.slice(0, 5).map(({ name, skipped }) => `${skipped} of ${name}`);
  const more = some.length > 5 ? ` and of ${some.length - 5} queues more` : '';
  return `; left out, because jobs of their ids are there, or were added meanwhile: ${listed.join(', ')}${more}`;
}

function secondsBetween(from = '', to = ''): number {
  return Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1_000));
}

/** What Complete goes on saying while queues are resumed. */
function completedAs({ status }: RestoreObject, ready: Problem): Problem {
  const isGood = QUEUE_RESTORE_REASONS[ready.reason].kind === 'ready';
  return isGood ? ready : (saidBefore<Problem['reason']>(status?.conditions, RunCondition.Complete) ?? ready);
}
