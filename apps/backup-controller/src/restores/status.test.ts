import { findCondition } from '@redis-queue/controller';
import { describe, expect, it } from 'vitest';
import { RestoreDiffersFailure } from '../engine/run-restore.ts';
import { ago, NOW, restoreObject } from '../testing/objects.ts';
import { planRestore } from './plan.ts';
import { restoreStatus } from './status.ts';
import { RestoreTask, stageOfRestore, type ObservedRestore, type RestoreObject } from './steps.ts';

/** What a reconcile plans and says; its run is as given. */
function reconcile(restore: RestoreObject, run?: ObservedRestore['run']) {
  const observed = { stage: stageOfRestore(restore, run, NOW), run };
  const plan = planRestore(restore, observed, NOW);
  const status = restoreStatus(restore, { observed, plan, problem: plan.problem as never }, NOW);
  const { reason, status: ready } = findCondition(status.conditions, 'Ready') ?? {};
  const complete = findCondition(status.conditions, 'Complete')?.status;
  return { steps: plan.steps.map(({ kind }) => kind), status, ready: `${ready} ${reason}`, complete };
}
const queue = { name: 'emails', queue: 'emails', restored: 5, wouldRun: 3, detached: ['a waits for b'] };
const result = { location: 's3://shop/x', queues: [queue], jobs: 5 };
const restored = { task: RestoreTask.restore, phase: 'ended', end: { ok: true, result, tookMs: 1 } } as const;
const resumed = {
  task: RestoreTask.resumption,
  phase: 'ended',
  end: { ok: true, result: { stayPaused: [] }, tookMs: 1 },
} as const;

describe('a restore', () => {
  it('is resumed only when its status says that it was verified, and complete when it is resumed', () => {
    const verified = reconcile(restoreObject({}, { startTime: ago(9), phase: 'Running' }), restored);
    expect(verified).toMatchObject({ steps: [], ready: 'False Resuming', complete: undefined });
    expect(verified.status).toMatchObject({ phase: 'Running', verifiedAt: ago(0), jobs: 5 });
    expect(verified.status.queues).toEqual([queue]);
    // A process that has begun anew knows as much.
    expect(reconcile(restoreObject({}, verified.status))).toMatchObject({ steps: ['resume'], ready: 'False Resuming' });
    const end = reconcile(restoreObject({}, verified.status), resumed);
    expect(end).toMatchObject({ steps: [], ready: 'True Restored', complete: 'True' });
    expect(end.status).toMatchObject({ phase: 'Completed', completionTime: ago(0), resumedAt: ago(0), jobs: 5 });
    expect(reconcile(restoreObject({}, end.status)).status).toEqual(end.status);
  });

  it('with resume: false is complete and paused, is not deleted by its time to live, and is resumed later', () => {
    const spec = { resume: false, ttlSecondsAfterFinished: 0 };
    const held = reconcile(restoreObject(spec, { startTime: ago(9), phase: 'Running' }), restored);
    expect(held).toMatchObject({ ready: 'True RestoredPaused', complete: 'True' });
    expect(held.status).toMatchObject({ phase: 'Completed', verifiedAt: ago(0), completionTime: ago(0) });
    expect(reconcile(restoreObject(spec, held.status)).steps).toEqual([]);
    const now = restoreObject({ ...spec, resume: true }, held.status);
    expect(reconcile(now)).toMatchObject({ steps: ['resume'], ready: 'False Resuming', complete: 'True' });
    const failed = { ...resumed, end: { ok: false, error: new Error('no'), tookMs: 1 } } as const;
    expect(reconcile(now, failed)).toMatchObject({ steps: ['forgetRun'], ready: 'False InternalError' });
    const end = reconcile(now, resumed);
    expect(end).toMatchObject({ ready: 'True Restored', complete: 'True' });
    expect(reconcile(restoreObject({ ...spec, resume: true }, end.status)).steps).toEqual(['delete']);
  });

  it('whose resume is taken back before it happened stays paused', () => {
    const { status } = reconcile(restoreObject({}, { startTime: ago(9) }), restored);
    const held = reconcile(restoreObject({ resume: false }, status));
    expect(held).toMatchObject({ steps: [], ready: 'True RestoredPaused', complete: 'True' });
    expect(held.status.phase).toBe('Completed');
  });

  it('as a dry run ends when it has read the backup, and nothing is resumed', () => {
    const dry = reconcile(restoreObject({ dryRun: true }, { startTime: ago(9) }), restored);
    expect(dry).toMatchObject({ steps: [], ready: 'True WouldRestore', complete: 'True' });
    expect(dry.status.verifiedAt).toBeUndefined();
    expect(reconcile(restoreObject({ dryRun: true }, dry.status)).steps).toEqual([]);
  });

  it('that differs from the backup says how, queue by queue', () => {
    const error = new RestoreDiffersFailure('what is in Redis differs', [{ ...queue, differences: ['job 1 is gone'] }]);
    const failed = { task: RestoreTask.restore, phase: 'ended', end: { ok: false, error, tookMs: 1 } } as const;
    const { status, ready } = reconcile(restoreObject({}, { startTime: ago(9) }), failed);
    expect(ready).toBe('False VerificationFailed');
    expect(status.queues).toMatchObject([{ name: 'emails', differences: ['job 1 is gone'] }]);
  });
});
