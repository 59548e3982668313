import { QUEUE_BACKUP_REASONS, incrementalTimes, type BackupChain, type QueueBackupStatus } from '@redis-queue/api';
import { kindConditions, saidBefore, timestamp, type Notice, type Outcome } from '@redis-queue/controller';
import type { QueueBackupReason } from '@redis-queue/api';
import { queuesLeftOut } from '../backups/left-out-status.ts';
import { contents, contentsBefore, whereItWas } from '../backups/status.ts';
import type { BackupObject, Problem } from '../backups/steps.ts';
import { failuresAfter } from '../runs/stage.ts';
import { chainsAfter, chainsOf } from './chains.ts';
import type { ObservedPoints, PointsPlan, TakenPoint } from './steps.ts';

/** The condition type of an incremental backup beside those of every kind; absent while it does not hold. */
export const BEHIND_SCHEDULE = 'BehindSchedule';

export type PointsOutcome = Outcome<ObservedPoints, PointsPlan, QueueBackupReason>;

/** What the status of an incremental backup should say. Pure; an unchanged outcome gives a deeply equal status. */
export function pointsStatus(
  backup: BackupObject,
  { observed, plan, problem }: PointsOutcome,
  now: Date,
): QueueBackupStatus {
  const taken = takenOf(observed);
  const chains = chainsAfter(chainsOf(backup), {
    taken: taken && readAt(taken, observed),
    removed: removedOf(observed),
  });
  const isLeaving = backup.metadata.deletionTimestamp !== undefined;
  const { stage, run } = observed;
  const found = taken ? foundIn(taken, backup, observed) : contentsBefore(backup.status);
  const ready = problem ?? (chains.length > 0 ? pointsTaken(backup) : PENDING);
  const notices = {
    Degraded: problem || isLeaving ? undefined : (plan.trouble ?? queuesLeftOut(found)),
    [BEHIND_SCHEDULE]: isLeaving ? undefined : behindOf(backup, taken),
  };
  const progress = stage === 'running' && run?.phase === 'running' && !isLeaving ? run.progress : undefined;
  return {
    observedGeneration: backup.metadata.generation ?? 0,
    conditions: kindConditions(backup, QUEUE_BACKUP_REASONS, ready, notices, now),
    ...(isLeaving ? whereItWas(backup, { ...observed, ...plan }, now) : lifeOf(backup, observed, chains, now)),
    ...(progress && { progress: { ...progress } }),
    ...found,
    ...(chains.length > 0 && { storedBytes: chains.reduce((sum, { storedBytes }) => sum + storedBytes, 0) }),
    ...incrementalOf(backup, chains, taken),
  };
}

/** What the newest point has, and since when queues have not been in any. */
function foundIn(taken: TakenPoint, { status }: BackupObject, observed: ObservedPoints): Partial<QueueBackupStatus> {
  const found = contents(taken);
  const beganAt = timestamp(readAt(taken, observed).readMs);
  const sinceOf = (queue: string): string => status?.leftOut?.find(({ name }) => name === queue)?.since ?? beganAt;
  const leftOut = found.leftOut?.map((each) => ({ ...each, since: sinceOf(each.name) }));
  return { ...found, ...(leftOut && { leftOut }) };
}

const PENDING: Problem = { reason: 'Pending', message: 'nothing is known yet' };

function pointsTaken({ spec }: BackupObject): Problem {
  const { everyMs, keepMs } = incrementalTimes(spec.incremental);
  const message = `a point is taken every ${everyMs / 1_000} s, and kept for ${keepMs / 3_600_000} h; status.incremental has what can be restored`;
  return { reason: 'PointsTaken', message };
}

/** The point that was taken, and that the status does not have yet. */
export function takenOf({ stage, run }: ObservedPoints): TakenPoint | undefined {
  if (stage !== 'succeeded' || run?.phase !== 'ended' || !run.end.ok) return undefined;
  return run.end.result === 'removed' ? undefined : run.end.result;
}

/** With when it had its place, by the controller's own clock: what was done until then is in it. */
function readAt(taken: TakenPoint, { run }: ObservedPoints): TakenPoint & { readonly readMs: number } {
  const tookMs = run?.phase === 'ended' ? run.end.tookMs : 0;
  return { ...taken, readMs: taken.beganMs + Math.max(0, taken.lastedMs - tookMs) };
}

function removedOf({ removal }: ObservedPoints): number | undefined {
  return removal?.phase === 'ended' && removal.end.ok ? removal.end.result : undefined;
}

function lifeOf(
  backup: BackupObject,
  { stage }: ObservedPoints,
  chains: readonly BackupChain[],
  now: Date,
): Partial<QueueBackupStatus> {
  const { startTime = timestamp(now), failures, lastFailureTime } = backup.status ?? {};
  const failed = stage === 'failed';
  const isFailing = failed || (failures !== undefined && stage !== 'succeeded');
  return {
    phase: chains.length > 0 || stage === 'running' ? 'Running' : 'Pending',
    startTime,
    ...(isFailing && {
      failures: failed ? failuresAfter(backup) : failures,
      lastFailureTime: failed ? timestamp(now) : lastFailureTime,
    }),
  };
}

/** Whether the next point was due before the newest was complete; not where it failed, which Degraded tells. */
function behindOf(backup: BackupObject, taken: TakenPoint | undefined): Notice<QueueBackupReason> {
  if (!taken) return saidBefore<QueueBackupReason>(backup.status?.conditions, BEHIND_SCHEDULE);
  const { everyMs } = incrementalTimes(backup.spec.incremental);
  if (taken.lastedMs <= everyMs) return undefined;
  const message = `the newest point took longer, with its wait for a place, than spec.incremental.every, ${everyMs / 1_000} s; the next one begins at once`;
  return { reason: 'PointsBehindSchedule', message };
}

function incrementalOf(
  { spec, status }: BackupObject,
  chains: BackupChain[],
  taken: TakenPoint | undefined,
): Pick<QueueBackupStatus, 'incremental'> {
  const before = status?.incremental;
  if (!taken) return before ? { incremental: { ...before, chains } } : {};
  const { everyMs } = incrementalTimes(spec.incremental);
  const incremental = {
    chains,
    lastPointTime: new Date(taken.timeMs).toISOString(),
    nextPointTime: timestamp(taken.beganMs + everyMs),
  };
  return { incremental };
}
