import type { QueueBackup } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { RunFailure } from '../runs/failure.ts';
import type { Stage } from '../runs/stage.ts';
import { ago, backupObject, NOW } from '../testing/objects.ts';
import { BACKUP_FINALIZER, planBackup } from './plan.ts';
import { BackupTask, type BackupObject, type ObservedBackup } from './steps.ts';

const kinds = (backup: BackupObject, observed: ObservedBackup): string[] =>
  planBackup(backup, observed, NOW).steps.map(({ kind }) => kind);
const at = (stage: Stage, more: Partial<ObservedBackup> = {}): ObservedBackup => ({ stage, ...more });
const held = { finalizers: [BACKUP_FINALIZER] };
const problem = { reason: 'QueueNotFound', message: 'none' } as const;

const ended = (seconds: number) => backupObject({ ttlSecondsAfterFinished: 60 }, { completionTime: ago(seconds) });
const leaving = (seconds: number, status?: QueueBackup['status']): BackupObject =>
  backupObject({ deletionPolicy: 'Delete' }, status, { ...held, deletionTimestamp: ago(seconds) });

describe('a backup', () => {
  it('is begun when it is due and nothing stands in its way', () => {
    expect(planBackup(backupObject(), at('due'), NOW)).toMatchObject({
      steps: [{ kind: 'begin' }],
      problem: { reason: 'BackingUp' },
    });
    expect(planBackup(backupObject(), at('due', { problem }), NOW)).toEqual({ steps: [], problem });
  });

  it('with deletionPolicy Delete is held by a finalizer before anything is written, and not without', () => {
    const deleted = { deletionPolicy: 'Delete' } as const;
    expect(kinds(backupObject(deleted), at('due'))).toEqual(['addFinalizer', 'begin']);
    expect(kinds(backupObject(deleted, {}, held), at('due'))).toEqual(['begin']);
    // What never could begin has nothing to remove, and is not to hold its namespace.
    expect(kinds(backupObject(deleted), at('due', { problem }))).toEqual([]);
    expect(kinds(backupObject(deleted), at('late'))).toEqual(['abort']);
    expect(kinds(backupObject({}, {}, held), at('running'))).toEqual(['removeFinalizer']);
    // The policy may be changed when the backup is complete.
    expect(kinds(backupObject(deleted, { completionTime: ago(1) }), at('ended'))).toEqual(['addFinalizer']);
  });

  it('that is late is aborted, and says what it was at', () => {
    const conditions = [
      { type: 'Ready', status: 'False' as const, reason: 'BackingUp', message: 'reading', lastTransitionTime: ago(9) },
    ];
    const late = backupObject({ activeDeadlineSeconds: 9 }, { startTime: ago(9), conditions });
    const plan = planBackup(late, at('late'), NOW);
    expect(plan.steps).toMatchObject([{ kind: 'abort' }]);
    expect(plan.problem).toEqual({
      reason: 'DeadlineExceeded',
      message: 'spec.activeDeadlineSeconds, 9, passed before it ended; it was at BackingUp: reading',
    });
  });

  it('that has ended is deleted ttlSecondsAfterFinished later', () => {
    expect(kinds(ended(59), at('ended'))).toEqual([]);
    expect(kinds(ended(60), at('ended'))).toEqual(['delete']);
    expect(kinds(ended(60), at('ended', { readBy: 'back' }))).toEqual([]);
  });
});

describe('a backup that is deleted with its files', () => {
  const removal = { task: BackupTask.removal, phase: 'ended' } as const;
  const unreachable = new RunFailure({ reason: 'StorageUnreachable', message: 'no answer' });
  const failed = { ...removal, end: { ok: false, error: unreachable, tookMs: 1 } } as const;

  it('first ends the run that writes them, then removes them, then goes', () => {
    const running = { task: BackupTask.backup, phase: 'running' } as const;
    expect(kinds(leaving(1), at('running', { run: running }))).toEqual(['abort']);
    const aborted = { ...running, phase: 'ended', end: { ok: false, error: new Error('deleted'), tookMs: 1 } } as const;
    expect(kinds(leaving(1), at('failed', { run: aborted }))).toEqual(['remove']);
    expect(kinds(leaving(1), at('running', { run: { task: BackupTask.removal, phase: 'running' } }))).toEqual([]);
    const removed = { ...removal, end: { ok: true, result: 'removed', tookMs: 1 } } as const;
    expect(kinds(leaving(1), at('succeeded', { run: removed }))).toEqual(['removeFinalizer']);
  });

  it('waits for a storage that fails, for five minutes; then it goes, and says what stays where', () => {
    for (const observed of [at('failed', { run: failed }), at('due', { problem })]) {
      // Since it failed first, not since the deletion: the controller may have been away, or a restore have read it.
      for (const before of [undefined, { removalBlockedSince: ago(299) }, { removalBlockedSince: ago(-60) }])
        expect(planBackup(leaving(9_000, before), observed, NOW)).toMatchObject({
          steps: [{ kind: 'forgetRun' }],
          isBlocked: true,
        });
      const before = { location: 's3://shop/x', removalBlockedSince: ago(300) };
      const { steps } = planBackup(leaving(9_000, before), observed, NOW);
      expect(steps).toEqual([{ kind: 'removeFinalizer', dataRetained: expect.stringMatching(/^s3:\/\/shop\/x: n/) }]);
    }
  });

  it('waits for a restore that reads them, however long, and says which', () => {
    const { steps, problem: reading } = planBackup(leaving(9_000), at('ended', { readBy: 'back' }), NOW);
    expect(steps).toEqual([]);
    expect(reading).toEqual({ reason: 'ReadByRestore', message: expect.stringMatching(/^QueueRestore back reads/) });
    // What is not removed with the object is not waited for.
    const retained = backupObject({}, {}, { ...held, deletionTimestamp: ago(1) });
    expect(kinds(retained, at('ended', { readBy: 'back' }))).toEqual(['removeFinalizer']);
  });

  // Wall 2: a place that nobody gives back does not hold it, and its namespace, for ever.
  it('waits an hour for a place, in which every removal before it ends', () => {
    const waiting = at('waiting', { run: { ...removal, phase: 'waiting' } });
    for (const backup of [leaving(9_000), leaving(9_000, { removalBlockedSince: ago(3_599) })])
      expect(planBackup(backup, waiting, NOW)).toMatchObject({ steps: [], problem: { reason: 'WaitingForPlace' } });
    expect(kinds(leaving(9_000, { removalBlockedSince: ago(3_600) }), waiting)).toEqual(['removeFinalizer']);
  });

  it('stays there where another object has written it, of which Velero has made this one', () => {
    const directory = 'nightly-fedcba98/20260301T020000Z-1';
    const { steps } = planBackup(leaving(1, { directory, location: `${directory} in s3://shop` }), at('ended'), NOW);
    expect(steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: expect.stringMatching(/^nightly-fedcba98.* in s3:\/\/shop: another/) },
    ]);
    const restored = {
      labels: { 'velero.io/restore-name': 'r1' },
      creationTimestamp: ago(9),
      deletionTimestamp: ago(1),
    };
    const copy = backupObject({ deletionPolicy: 'Delete' }, undefined, { ...held, ...restored });
    expect(planBackup(copy, at('returning'), NOW).steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: expect.stringContaining('a folder whose name begins with nightly-') },
    ]);
    const own = 'shop/nightly-01234567/20260301T020000Z-1';
    expect(kinds(leaving(1, { directory: own }), at('ended'))).toEqual(['remove']);
  });

  it('stays there once the policy is Retain', () => {
    const retained = backupObject({ deletionPolicy: 'Retain' }, {}, { ...held, deletionTimestamp: ago(1) });
    expect(kinds(retained, at('due'))).toEqual(['removeFinalizer']);
  });
});
