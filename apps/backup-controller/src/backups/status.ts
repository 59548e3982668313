import { QUEUE_BACKUP_REASONS, type QueueBackupStatus } from '@redis-queue/api';
import { kindConditions } from '@redis-queue/controller';
import type { BackupResult } from '../engine/write-backup.ts';
import { blockedSince } from '../runs/patience.ts';
import { outcomeOf, RunCondition, runFields, saidOfEnd, withoutUndefined } from '../runs/run-status.ts';
import { listLeftOut, queuesLeftOut } from './left-out-status.ts';
import type { BackupObject, BackupPlan, ObservedBackup, Problem } from './steps.ts';

export interface Outcome {
  readonly observed: ObservedBackup;
  readonly plan: BackupPlan;
  readonly problem?: Problem | undefined;
}

/** What the status should say. Pure; an unchanged outcome gives a deeply equal status. */
export function backupStatus(backup: BackupObject, { observed, plan, problem }: Outcome, now: Date): QueueBackupStatus {
  const { stage, run } = observed;
  const result = resultOf(observed);
  const isLeaving = backup.metadata.deletionTimestamp !== undefined;
  const ready = problem ?? (result ? completed(result) : saidOfEnd<Problem['reason']>(backup));
  const outcome = isLeaving ? undefined : outcomeOf(backup, stage);
  const found = result ? contents(result) : contentsBefore(backup.status);
  const notices = {
    [RunCondition.Complete]: outcome === 'completed' ? ready : undefined,
    [RunCondition.Failed]: outcome === 'failed' ? ready : undefined,
    Degraded: outcome === 'completed' ? queuesLeftOut(found) : undefined,
  };
  const progress = stage === 'running' && run?.phase === 'running' && !isLeaving ? run.progress : undefined;
  const unknown: Problem = { reason: 'Pending', message: 'nothing is known yet' };
  return {
    observedGeneration: backup.metadata.generation ?? 0,
    conditions: kindConditions(backup, QUEUE_BACKUP_REASONS, ready ?? unknown, notices, now),
    ...(isLeaving ? whereItWas(backup, { ...observed, ...plan }, now) : runFields(backup, stage, now)),
    ...(progress && { progress: { ...progress } }),
    ...found,
  };
}

function resultOf({ stage, run }: ObservedBackup): BackupResult | undefined {
  if (stage !== 'succeeded' || run?.phase !== 'ended' || !run.end.ok) return undefined;
  return run.end.result === 'removed' ? undefined : run.end.result;
}

/** Of an object that is being deleted, as it was: what is removed was no failure. */
export function whereItWas(
  backup: BackupObject,
  { isBlocked, readBy }: Pick<BackupPlan, 'isBlocked'> & Pick<ObservedBackup, 'readBy'>,
  now: Date,
): Partial<QueueBackupStatus> {
  const { phase, startTime, completionTime, failures, lastFailureTime, ...before } = backup.status ?? {};
  // While a restore reads it, nothing is tried.
  const since = readBy === undefined ? before.removalBlockedSince : undefined;
  const removalBlockedSince = isBlocked ? blockedSince(backup, now) : since;
  return withoutUndefined({ phase, startTime, completionTime, failures, lastFailureTime, removalBlockedSince });
}

/** What a backup has. */
export function contents({
  directory,
  location,
  formatVersion,
  manifestSha256,
  queues,
  leftOut,
}: BackupResult): Partial<Pick<QueueBackupStatus, (typeof CONTENTS)[number]>> {
  const sum = (of: (queue: BackupResult['queues'][number]) => number): number =>
    queues.reduce((total, queue) => total + of(queue), 0);
  return {
    queues: queues.map(queueStatus),
    ...(leftOut.length > 0 && { leftOut: [...leftOut] }),
    jobs: sum(({ total }) => total),
    bytes: sum(({ bytes }) => bytes),
    storedBytes: sum(({ storedBytes }) => storedBytes),
    location,
    directory,
    formatVersion,
    manifestSha256,
  };
}

function queueStatus(queue: BackupResult['queues'][number]): NonNullable<QueueBackupStatus['queues']>[number] {
  const { name, snapshotAt, consistent, jobs, bytes, storedBytes, sha256, redisVersion } = queue;
  const instant = new Date(snapshotAt).toISOString();
  return {
    name,
    snapshotAt: instant,
    consistent,
    jobs,
    bytes,
    storedBytes,
    sha256,
    ...(redisVersion && { redisVersion }),
  };
}

/** The fields that `contents` gives. */
const CONTENTS = [
  'queues',
  'leftOut',
  'jobs',
  'bytes',
  'storedBytes',
  'location',
  'directory',
  'formatVersion',
  'manifestSha256',
] as const satisfies (keyof QueueBackupStatus)[];

/** What it had by its status. */
export function contentsBefore(status: QueueBackupStatus = {}): Partial<QueueBackupStatus> {
  return withoutUndefined(Object.fromEntries(CONTENTS.map((field) => [field, status[field]])));
}

function completed(result: BackupResult): Problem {
  const { jobs = 0, queues = [], leftOut = [] } = contents(result);
  const message = `${jobs} jobs of ${queues.length} ${queues.length === 1 ? 'queue' : 'queues'} are in ${result.location}`;
  if (leftOut.length === 0) return { reason: 'BackedUp', message };
  return { reason: 'BackedUpInPart', message: `${message}; it does not have ${listLeftOut(leftOut)}` };
}
