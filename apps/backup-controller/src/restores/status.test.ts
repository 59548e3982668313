import type { QueueRestore } from '@redis-queue/api';
import { RestoreIncompleteError } from '@redis-queue/bullmq';
import { findCondition } from '@redis-queue/controller';
import { describe, expect, it } from 'vitest';
import { RestoreDiffersFailure } from '../engine/run-restore.ts';
import { RunFailure } from '../runs/failure.ts';
import { ago, NOW, restoreObject } from '../testing/objects.ts';
import { planRestore } from './plan.ts';
import { ended, failed, reconcile } from './reconcile.fixture.ts';
import { RESTORE_FINALIZER, RestoreTask, type RestoreObject, type RestoreRun } from './steps.ts';

const queue = { name: 'emails', queue: 'emails' };
const checked = ended(RestoreTask.check, {
  directory: 'x',
  location: 's3://shop/x',
  manifestSha256: 'ab',
  checked: [{ ...queue, wouldRun: 3, memoryBytes: 9_000, detached: ['a waits for b'] }],
  leftOut: [],
  jobs: 6,
});
const restored = ended(RestoreTask.restore, { restored: [{ ...queue, restored: 5 }] });
const inPart = ended(RestoreTask.restore, { restored: [{ ...queue, restored: 4, skipped: 1 }] });
const resumed = ended(RestoreTask.resumption, { stayPaused: [] });
const begun: QueueRestore['status'] = { startTime: ago(9), phase: 'Running' };
/** The status of a restore after these runs. */
function after(spec: Partial<QueueRestore['spec']>, ...runs: RestoreRun[]): QueueRestore['status'] {
  return runs.reduce((status, run) => reconcile(restoreObject(spec, status), run).status, begun);
}
const held = (
  spec: Partial<QueueRestore['spec']>,
  status: QueueRestore['status'],
  more: object = {},
): RestoreObject => {
  const restore = restoreObject(spec, status);
  return { ...restore, metadata: { ...restore.metadata, finalizers: [RESTORE_FINALIZER], ...more } };
};

describe('a restore', () => {
  it('names its queues in the status before it writes to them, and is held by a finalizer from then on', () => {
    expect(reconcile(restoreObject())).toMatchObject({ steps: ['check'], ready: 'False Restoring' });
    const { status, ready, steps } = reconcile(restoreObject({}, begun), checked);
    expect([ready, steps]).toEqual(['False Restoring', []]);
    expect(status).toMatchObject({ phase: 'Running', checkedAt: ago(0), manifestSha256: 'ab', jobs: 6 });
    expect(status.queues).toEqual([{ ...queue, wouldRun: 3, memoryBytes: 9_000, detached: ['a waits for b'] }]);
    expect(reconcile(restoreObject({}, status)).steps).toEqual(['addFinalizer', 'restore']);
    expect(reconcile(held({}, status)).steps).toEqual(['restore']);
  });

  it('is resumed only when its status says that it was verified, and complete when it is resumed', () => {
    const verified = reconcile(restoreObject({}, after({}, checked)), restored);
    expect(verified).toMatchObject({ steps: [], ready: 'False Resuming', complete: undefined });
    expect(verified.status).toMatchObject({ phase: 'Running', verifiedAt: ago(0), jobs: 5 });
    expect(verified.status.queues).toEqual([
      { ...queue, wouldRun: 3, memoryBytes: 9_000, restored: 5, detached: ['a waits for b'] },
    ]);
    // A process that has begun anew knows as much.
    expect(reconcile(restoreObject({}, verified.status))).toMatchObject({ steps: ['resume'], ready: 'False Resuming' });
    const end = reconcile(restoreObject({}, verified.status), resumed);
    expect(end).toMatchObject({ steps: [], ready: 'True Restored', complete: 'True' });
    expect(end.status).toMatchObject({ phase: 'Completed', completionTime: ago(0), resumedAt: ago(0), jobs: 5 });
    expect(reconcile(restoreObject({}, end.status)).status).toEqual(end.status);
    expect(reconcile(held({}, end.status)).steps).toEqual(['removeFinalizer']);
  });

  it('that left jobs out says how many, of which queue, and goes on saying it', () => {
    const verified = reconcile(restoreObject({}, after({}, checked)), inPart);
    expect(verified.status.queues).toMatchObject([{ restored: 4, skipped: 1 }]);
    const end = reconcile(restoreObject({}, verified.status), resumed);
    expect(end).toMatchObject({ ready: 'True Restored' });
    const message = findCondition(end.status.conditions, 'Ready')?.message;
    expect(message).toContain(
      '4 jobs are restored from s3://shop/x; left out, because jobs of their ids are there, or were added meanwhile: 1 of emails',
    );
    expect(end.status.queues).toMatchObject([{ restored: 4, skipped: 1 }]);
  });

  it('with resume: false is complete and paused, is not deleted by its time to live, and is resumed later', () => {
    const spec = { resume: false, ttlSecondsAfterFinished: 0 };
    const paused = reconcile(restoreObject(spec, after(spec, checked)), restored);
    expect(paused).toMatchObject({ ready: 'True RestoredPaused', complete: 'True' });
    expect(paused.status).toMatchObject({ phase: 'Completed', verifiedAt: ago(0), completionTime: ago(0) });
    expect(reconcile(held(spec, paused.status)).steps).toEqual([]);
    const now = held({ ...spec, resume: true }, paused.status);
    expect(reconcile(now)).toMatchObject({ steps: ['resume'], ready: 'False Resuming', complete: 'True' });
    const error = failed(RestoreTask.resumption, new Error('no'));
    expect(reconcile(now, error)).toMatchObject({ steps: ['forgetRun'], ready: 'False InternalError' });
    const end = reconcile(now, resumed);
    expect(end).toMatchObject({ ready: 'True Restored', complete: 'True' });
    expect(reconcile(held({ ...spec, resume: true }, end.status)).steps).toEqual(['removeFinalizer', 'delete']);
  });

  it('of which Redis has lost part is written and compared again, by its status alone, and resumed after that', () => {
    const lost = new RestoreIncompleteError('bull:emails', '0123456789ab');
    const failure = new RunFailure({ reason: 'RestoreLost', message: lost.message }, lost);
    const notFound = { reason: 'BackupNotFound', message: 'it is gone' } as const;
    for (const spec of [{ resume: true }, { resume: false }]) {
      const verified = reconcile(restoreObject(spec, after(spec, checked)), restored).status;
      const restore = (status: typeof verified) => held({ resume: true }, status);
      const found = reconcile(restore(verified), failed(RestoreTask.resumption, failure));
      expect(found).toMatchObject({ steps: [], ready: 'False Restoring', status: { lostAt: ago(0) } });
      const again = restore(found.status);
      expect(reconcile(again)).toMatchObject({ steps: ['restore'], ready: 'False Restoring' });
      expect(planRestore(again, { stage: 'ended', problem: notFound }, NOW)).toMatchObject({
        steps: [],
        problem: { reason: 'BackupNotFound', message: expect.stringContaining('end-restore=0123456789ab') },
      });
      expect(reconcile(again, failed(RestoreTask.restore, failure))).toMatchObject({
        steps: ['forgetRun'],
        ready: 'False RestoreLost',
      });
      const done = reconcile(again, restored);
      expect(done).toMatchObject({ steps: [], ready: 'False Resuming' });
      expect(done.status.lostAt).toBeUndefined();
      expect(reconcile(restore(done.status)).steps).toEqual(['resume']);
      expect(reconcile(restore(done.status), resumed)).toMatchObject({ ready: 'True Restored', complete: 'True' });
    }
  });

  it('whose resume is taken back before it happened stays paused', () => {
    const paused = reconcile(restoreObject({ resume: false }, after({}, checked, restored)));
    expect(paused).toMatchObject({ steps: [], ready: 'True RestoredPaused', complete: 'True' });
    expect(paused.status.phase).toBe('Completed');
  });

  it('as a dry run ends when it has read the backup, and nothing is written', () => {
    const dry = reconcile(restoreObject({ dryRun: true }, begun), checked);
    expect(dry).toMatchObject({ steps: [], ready: 'True WouldRestore', complete: 'True' });
    expect(reconcile(restoreObject({ dryRun: true }, dry.status)).steps).toEqual([]);
  });

  it('that differs from the backup says how, queue by queue', () => {
    const error = new RestoreDiffersFailure('it differs', [{ ...queue, restored: 5, differences: ['job 1 is gone'] }]);
    const { status, ready } = reconcile(restoreObject({}, after({}, checked)), failed(RestoreTask.restore, error));
    expect(ready).toBe('False VerificationFailed');
    expect(status.queues).toMatchObject([{ name: 'emails', wouldRun: 3, differences: ['job 1 is gone'] }]);
  });
});

const since = (seconds: number) => ({ ...after({}, checked)!, removalBlockedSince: ago(seconds) });
const leaving = (seconds: number, status = after({}, checked)) => held({}, status, { deletionTimestamp: ago(seconds) });

describe('a restore that ends early', () => {
  const full = new RunFailure({ reason: 'RedisOutOfMemory', message: 'Redis is full' });
  const abandoned = ended(RestoreTask.abandonment, { left: [] });
  const leaves = ended(RestoreTask.abandonment, {
    left: [{ name: 'emails', queue: 'emails', isDeadLetters: false }],
  });

  it('has what it wrote removed, and goes on saying why it failed', () => {
    const status = after({ backoffLimit: 0 }, checked, failed(RestoreTask.restore, full));
    expect(status).toMatchObject({ phase: 'Failed', failures: 1 });
    const restore = held({ backoffLimit: 0 }, status);
    expect(reconcile(restore)).toMatchObject({ steps: ['abandon'], ready: 'False BackoffLimitExceeded', status });
    const unreachable = reconcile(restore, failed(RestoreTask.abandonment, full));
    expect(unreachable).toMatchObject({ steps: ['forgetRun'], ready: 'False BackoffLimitExceeded' });
    expect(unreachable.status).toEqual({ ...status, removalBlockedSince: ago(0) });
    const end = reconcile(restore, abandoned);
    expect(end).toMatchObject({ steps: ['removeFinalizer', 'forgetRun'], ready: 'False BackoffLimitExceeded' });
    expect(reconcile(restoreObject({ backoffLimit: 0 }, unreachable.status)).status).toEqual(status);
    expect(reconcile(restoreObject({ backoffLimit: 0 }, status)).steps).toEqual([]);
  });

  it('because it is deleted first ends its run; what cannot be removed is named', () => {
    expect(reconcile(leaving(1), { task: RestoreTask.restore, phase: 'running' })).toMatchObject({
      steps: ['abort'],
      ready: 'False Abandoning',
    });
    expect(reconcile(leaving(1), failed(RestoreTask.restore, new Error('deleted'))).steps).toEqual(['forgetRun']);
    expect(reconcile(leaving(1)).steps).toEqual(['abandon']);
    expect(reconcile(leaving(1), failed(RestoreTask.abandonment, full))).toMatchObject({
      steps: ['forgetRun'],
      ready: 'False RedisOutOfMemory',
    });
    // Five minutes after it failed first, whenever it was deleted.
    const once = reconcile(leaving(9_000), failed(RestoreTask.abandonment, full));
    expect([once.steps, once.status.removalBlockedSince]).toEqual([['forgetRun'], ago(0)]);
    expect(reconcile(leaving(9_000, since(299))).status.removalBlockedSince).toBe(ago(299));
    const [late] = reconcile(leaving(9_000, since(300)), failed(RestoreTask.abandonment, full)).plan.steps;
    expect(late).toEqual({ kind: 'removeFinalizer', dataRetained: 'emails: Redis is full' });
    const waiting: RestoreRun = { task: RestoreTask.abandonment, phase: 'waiting' };
    expect(reconcile(leaving(9_000), waiting)).toMatchObject({ steps: [], ready: 'False WaitingForPlace' });
    expect(reconcile(leaving(9_000, since(3_600)), waiting).steps).toEqual(['removeFinalizer']);
    expect(reconcile(leaving(1), leaves).plan.steps[0]).toMatchObject({
      dataRetained: expect.stringContaining('its jobs are in the queue of Queue emails, which stays paused'),
    });
  });

  it('says in its status which queues it has left paused, and the way out, before its object is let go', () => {
    const status = after({ backoffLimit: 0 }, checked, failed(RestoreTask.restore, full));
    const named = reconcile(held({ backoffLimit: 0 }, status), leaves);
    expect(named).toMatchObject({ steps: [], ready: 'False BackoffLimitExceeded' });
    expect(named.status.queues).toMatchObject([{ ...queue, left: true }]);
    for (const type of ['Ready', 'Failed'])
      expect(findCondition(named.status.conditions, type)?.message).toMatch(
        /Redis is full; its jobs are in the queue of Queue emails.*redis-queue.io\/end-restore=0123456789ab/,
      );
    const letGo = reconcile(held({ backoffLimit: 0 }, named.status), leaves);
    expect(letGo.steps).toEqual(['removeFinalizer', 'forgetRun']);
    expect(reconcile(restoreObject({ backoffLimit: 0 }, letGo.status)).status).toEqual(named.status);
  });

  it('because its backup is gone since it began is counted, and not one that has never begun', () => {
    const gone = { reason: 'BackupNotFound', message: 'it is gone' } as const;
    const plan = (status: QueueRestore['status']) =>
      planRestore(restoreObject({}, status), { stage: 'due', problem: gone }, NOW).steps.map(({ kind }) => kind);
    expect(plan(begun)).toEqual([]);
    expect(plan(after({}, checked))).toEqual(['restore']);
  });
});
