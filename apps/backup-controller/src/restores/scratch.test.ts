import type { QueueRestore } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { describe, expect, it } from 'vitest';
import { RestoreDiffersFailure } from '../engine/run-restore.ts';
import { RunFailure } from '../runs/failure.ts';
import { ago, restoreObject } from '../testing/objects.ts';
import { ended, failed, reconcile as reconcileRestore } from './reconcile.fixture.ts';
import { RESTORE_FINALIZER, RestoreTask, type RestoreObject, type RestoreRun } from './steps.ts';

const reconcile = (restore: RestoreObject, run?: RestoreRun) => reconcileRestore(restore, run, []);
const queue = { name: 'emails', queue: 'rq-scratch-01234567:{emails}' };
const checked = ended(RestoreTask.check, {
  directory: 'x',
  location: 's3://shop/x',
  manifestSha256: 'ab',
  checked: [{ ...queue, wouldRun: 3, memoryBytes: 9_000, detached: [] }],
  leftOut: [],
  jobs: 6,
});
const restored = ended(RestoreTask.restore, { restored: [{ ...queue, restored: 6 }] });
const removed = ended(RestoreTask.removal, { removed: true });
const begun: QueueRestore['status'] = { startTime: ago(9), phase: 'Running' };

/** A scratch restore that is held by its finalizer. */
function drill(status: QueueRestore['status'], more: object = {}, metadata: object = {}): RestoreObject {
  const restore = restoreObject({ scratch: {}, ...more }, status);
  return { ...restore, metadata: { ...restore.metadata, finalizers: [RESTORE_FINALIZER], ...metadata } };
}
const after = (...runs: RestoreRun[]): QueueRestore['status'] =>
  runs.reduce((status, run) => reconcile(drill(status), run).status, begun);

describe('a scratch restore', () => {
  it('is checked, written and compared, and complete once nothing of it is left; it is never resumed', () => {
    expect(reconcile(restoreObject({ scratch: {} }, begun)).steps).toEqual(['check']);
    const status = after(checked);
    expect(status?.queues).toEqual([{ ...queue, wouldRun: 3, memoryBytes: 9_000 }]);
    expect(reconcile(restoreObject({ scratch: {} }, status)).steps).toEqual(['addFinalizer', 'restore']);
    const verified = reconcile(drill(status), restored);
    expect(verified).toMatchObject({ steps: [], ready: 'False RemovingScratch' });
    expect(verified.status).toMatchObject({ phase: 'Running', verifiedAt: ago(0), jobs: 6 });
    // A process that has begun anew knows as much.
    expect(reconcile(drill(verified.status))).toMatchObject({
      steps: ['removeScratch'],
      ready: 'False RemovingScratch',
    });
    const end = reconcile(drill(verified.status), removed);
    expect(end).toMatchObject({ steps: [], ready: 'True Verified' });
    expect(end.status).toMatchObject({ phase: 'Completed', completionTime: ago(0), removedAt: ago(0) });
    expect(end.status.resumedAt).toBeUndefined();
    expect(findCondition(end.status.conditions, 'Ready')?.message).toContain('6 jobs of s3://shop/x were restored');
    expect(reconcile(drill(end.status)).steps).toEqual(['removeFinalizer']);
    expect(reconcile(drill(end.status)).status).toEqual(end.status);
  });

  it('whose removal fails is tried again, until its deadline is over; then what is left is told', () => {
    const status = after(checked, restored);
    const unreachable = failed(RestoreTask.removal, new RunFailure({ reason: 'RedisUnreachable', message: 'no' }));
    expect(reconcile(drill(status), unreachable)).toMatchObject({
      steps: ['forgetRun'],
      ready: 'False RedisUnreachable',
    });
    const late = reconcile(drill(status, { activeDeadlineSeconds: 9 }));
    expect(late).toMatchObject({ steps: ['abort'], ready: 'False DeadlineExceeded' });
    expect(late.status.phase).toBe('Failed');
    expect(reconcile(drill(late.status, { activeDeadlineSeconds: 9 })).steps).toEqual(['abandon']);
  });

  it('that differs fails with the first differences, and is removed', () => {
    const error = new RestoreDiffersFailure('it differs', [
      { ...queue, restored: 6, differences: ['job 1 is absent'] },
    ]);
    const end = reconcile(drill(after(checked), { backoffLimit: 0 }), failed(RestoreTask.restore, error));
    expect(end).toMatchObject({ ready: 'False BackoffLimitExceeded' });
    expect(end.status.queues).toMatchObject([{ differences: ['job 1 is absent'] }]);
    const gone = drill(end.status, { backoffLimit: 0 });
    expect(reconcile(gone).steps).toEqual(['abandon']);
    const abandoned = ended(RestoreTask.abandonment, { removed: true });
    expect(reconcile(gone, abandoned)).toMatchObject({ steps: ['removeFinalizer', 'forgetRun'] });
    expect(reconcile(gone, abandoned).status.removedAt).toBeUndefined();
  });

  it('that is deleted in the midst, or while it is removed, is removed first', () => {
    const leaving = { deletionTimestamp: ago(1) };
    expect(reconcile(drill(after(checked), {}, leaving)).steps).toEqual(['abandon']);
    expect(reconcile(drill(after(checked, restored), {}, leaving)).steps).toEqual(['abandon']);
    const running: RestoreRun = { task: RestoreTask.removal, phase: 'running' };
    expect(reconcile(drill(after(checked, restored), {}, leaving), running).steps).toEqual(['abort']);
  });
});
