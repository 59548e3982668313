import { findCondition } from '@redis-queue/controller';
import { expect, it } from 'vitest';
import { RunFailure } from '../runs/failure.ts';
import { ago, backupObject, NOW } from '../testing/objects.ts';
import { BACKUP_FINALIZER, planBackup } from './plan.ts';
import { backupStatus } from './status.ts';
import { BackupTask, type BackupObject, type ObservedBackup } from './steps.ts';

const statusOf = (backup: BackupObject, observed: ObservedBackup) => {
  const plan = planBackup(backup, observed, NOW);
  return backupStatus(backup, { observed, plan, problem: plan.problem }, NOW);
};
const conditionsOf = ({ conditions = [] }: ReturnType<typeof statusOf>): Record<string, string> =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

const result = {
  directory: 'nightly-01234567/20260304T050607Z-0a0b',
  location: 'file:///backups/shop/nightly-01234567/20260304T050607Z-0a0b',
  formatVersion: 1,
  manifestSha256: 'ab',
  queues: ['emails', 'emails_dlq'].map((name) => ({
    name,
    snapshotAt: NOW.getTime(),
    consistent: true,
    jobs: { waiting: 1, active: 2, delayed: 3, prioritized: 4, waitingChildren: 5, completed: 6, failed: 7 },
    total: 28,
    bytes: 1_000,
    storedBytes: 100,
    sha256: 'cd',
    redisVersion: 'redis 7.0.15',
  })),
  leftOut: [],
};
const running = {
  task: BackupTask.backup,
  phase: 'running',
  progress: { step: 'Reading', queue: 'emails', jobs: 5, of: 10, queuesDone: 0 },
} as const;

it('of one that runs is in progress for kstatus, with how far it is', () => {
  const status = statusOf(backupObject(), { stage: 'running', run: running });
  expect(status).toMatchObject({ phase: 'Running', startTime: ago(0), progress: { queue: 'emails', jobs: 5, of: 10 } });
  expect(conditionsOf(status)).toMatchObject({ Ready: 'False BackingUp', Reconciling: 'True BackingUp' });
});

it('of one that is complete says what it has, of when and where, and goes on saying so', () => {
  const run = { task: BackupTask.backup, phase: 'ended', end: { ok: true, result, tookMs: 5 } } as const;
  const begun = { startTime: ago(5), phase: 'Running' } as const;
  const status = statusOf(backupObject({}, begun), { stage: 'succeeded', run });
  expect(status).toMatchObject({
    phase: 'Completed',
    startTime: ago(5),
    completionTime: ago(0),
    jobs: 56,
    bytes: 2_000,
    storedBytes: 200,
    directory: result.directory,
    manifestSha256: 'ab',
  });
  expect(status.progress).toBeUndefined();
  expect(status.queues?.[0]).toEqual({
    name: 'emails',
    snapshotAt: NOW.toISOString(),
    consistent: true,
    jobs: result.queues[0]!.jobs,
    bytes: 1_000,
    storedBytes: 100,
    sha256: 'cd',
    redisVersion: 'redis 7.0.15',
  });
  expect(conditionsOf(status)).toMatchObject({ Ready: 'True BackedUp', Complete: 'True BackedUp' });
  const later = statusOf(backupObject({}, status), { stage: 'ended' });
  expect(later).toEqual(status);
});

it('of one that lacks queues says which, and goes on saying so', () => {
  const leftOut = [{ name: 'bills', reason: 'QueueRestoring' as const, message: 'queue bills is held' }];
  const run = {
    task: BackupTask.backup,
    phase: 'ended',
    end: { ok: true, result: { ...result, leftOut }, tookMs: 5 },
  } as const;
  const status = statusOf(backupObject({}, { startTime: ago(5) }), { stage: 'succeeded', run });
  expect(status).toMatchObject({ phase: 'Completed', jobs: 56, leftOut });
  expect(conditionsOf(status)).toMatchObject({
    Ready: 'True BackedUpInPart',
    Complete: 'True BackedUpInPart',
    Degraded: 'True QueuesLeftOut',
  });
  expect(findCondition(status.conditions, 'Degraded')?.message).toContain('bills (QueueRestoring)');
  expect(statusOf(backupObject({}, status), { stage: 'ended' })).toEqual(status);
});

it('of one that failed once too often is stalled, and says why the last run failed', () => {
  const error = new RunFailure({ reason: 'BucketNotFound', message: 'bucket shop does not exist' });
  const run = { task: BackupTask.backup, phase: 'ended', end: { ok: false, error, tookMs: 5 } } as const;
  const status = statusOf(backupObject({ backoffLimit: 0 }, { startTime: ago(5) }), { stage: 'failed', run });
  expect(status).toMatchObject({ phase: 'Failed', failures: 1, completionTime: ago(0) });
  expect(conditionsOf(status)).toMatchObject({
    Ready: 'False BackoffLimitExceeded',
    Stalled: 'True BackoffLimitExceeded',
    Failed: 'True BackoffLimitExceeded',
  });
  expect(findCondition(status.conditions, 'Ready')?.message).toContain('bucket shop does not exist');
});

it('of one that is deleted meanwhile is no failure', () => {
  const leaving = backupObject(
    { deletionPolicy: 'Delete' },
    { phase: 'Running', startTime: ago(5) },
    { deletionTimestamp: ago(1), finalizers: ['redis-queue.io/backup-data'] },
  );
  const status = statusOf(leaving, { stage: 'running', run: running });
  expect(status).toMatchObject({ phase: 'Running', startTime: ago(5) });
  expect(conditionsOf(status)).toMatchObject({ Ready: 'False RemovingBackup' });
});

const leaving = (status: BackupObject['status'] & {}): BackupObject =>
  backupObject({ deletionPolicy: 'Delete' }, status, { deletionTimestamp: ago(900), finalizers: [BACKUP_FINALIZER] });

it('of one that is deleted says since when its removal is blocked, not counting a restore that reads it', () => {
  const error = new RunFailure({ reason: 'StorageUnreachable', message: 'no answer' });
  const failed = { task: BackupTask.removal, phase: 'ended', end: { ok: false, error, tookMs: 1 } } as const;
  const first = statusOf(leaving({}), { stage: 'ended', run: failed });
  expect(first).toMatchObject({ removalBlockedSince: ago(0) });
  const known = leaving({ removalBlockedSince: ago(200) });
  for (const run of [failed, { task: BackupTask.removal, phase: 'running' } as const])
    expect(statusOf(known, { stage: 'ended', run }).removalBlockedSince).toBe(ago(200));
  expect(statusOf(known, { stage: 'ended', readBy: 'back' }).removalBlockedSince).toBeUndefined();
});

it('of one that has ended says so again when something else failed since, and is over', () => {
  const run = { task: BackupTask.backup, phase: 'ended', end: { ok: true, result, tookMs: 5 } } as const;
  const completed = statusOf(backupObject(), { stage: 'succeeded', run });
  const refused = completed.conditions?.map((each) =>
    each.type === 'Ready' ? { ...each, status: 'False' as const, reason: 'ApiForbidden', message: 'no right' } : each,
  );
  const again = statusOf(backupObject({}, { ...completed, conditions: refused }), { stage: 'ended' });
  expect(conditionsOf(again)).toMatchObject({ Ready: 'True BackedUp', Complete: 'True BackedUp' });
});
