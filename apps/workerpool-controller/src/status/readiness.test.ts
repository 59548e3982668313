import { describe, expect, it } from 'vitest';
import type { WorkerPool } from '@redis-queue/api';
import {
  ROLLED_BACK_ANNOTATION,
  ROLLED_BACK_MESSAGE_ANNOTATION,
  ROLLED_BACK_VERSION_ANNOTATION,
  STARTED_ANNOTATION,
} from '../deployment/rollout.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { poolStatus } from '../status.ts';
import { aPool } from '../testing/objects.ts';
import { allReady, brief, deployment, EARLIER, looping, statusOf } from '../testing/statuses.ts';
import { statusEvents } from './events.ts';

const rolling = (status: Deployment['status'], annotations = {}, version = '2'): Deployment => {
  const made = deployment(aPool({ version }), 2, { replicas: 3, readyReplicas: 2, updatedReplicas: 1, ...status });
  Object.assign(made.metadata.annotations!, { [STARTED_ANNOTATION]: EARLIER, ...annotations });
  return made;
};
const readyOf = (status: ReturnType<typeof poolStatus>) => status.conditions?.find(({ type }) => type === 'Ready');
const reasons = (from: WorkerPool['status'], to: ReturnType<typeof poolStatus>) =>
  statusEvents(from, to).map(({ type, reason }) => `${type} ${reason}`);

describe('a rollout', () => {
  const before = aPool(
    { version: '2', rollout: { progressDeadline: '15s' } },
    { currentVersion: '1', lastGoodVersion: '1' },
  );
  const moving = { conditions: [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' }] };
  const late = {
    conditions: [
      {
        type: 'Progressing',
        status: 'False',
        reason: 'ProgressDeadlineExceeded',
        lastUpdateTime: '2025-12-31T00:01:00Z',
      },
    ],
  };
  const takenBack = {
    [ROLLED_BACK_ANNOTATION]: 'abc',
    [ROLLED_BACK_VERSION_ANNOTATION]: '2',
    [ROLLED_BACK_MESSAGE_ANNOTATION]: 'Pods of version 2 did not get ready within 15s.',
  };
  const counts = { updatedReplicas: 1, readyReplicas: 2, replicas: 2, startedAt: EARLIER };
  const message = looping.problem!.message;

  it('that makes progress is reported, with what is in the way and when it began', () => {
    expect(statusOf(before, { deployment: rolling(moving) }).rollout).toEqual({
      version: '2',
      phase: 'Progressing',
      ...counts,
    });
    expect(statusOf(before, { deployment: rolling(moving), blocked: looping }).rollout).toMatchObject({ message });
  });

  it('that made none in time is Failed; the message says what was in the way, and the way out', () => {
    const status = statusOf(before, { deployment: rolling(late), blocked: looping });
    expect(status.rollout).toEqual({ version: '2', phase: 'Failed', ...counts, message });
    expect(brief(status)).toMatchObject({ Stalled: 'True ProgressDeadlineExceeded', PodsBlocked: 'True CrashLooping' });
    for (const part of ['version 2', '15s', 'exit code 3', 'back to 1', 'autoRollback']) {
      expect(readyOf(status)?.message).toContain(part);
    }
  });

  it('of nothing but the template says that the version is not rolled back', () => {
    const same = aPool(
      { version: '2', rollout: { autoRollback: true } },
      { currentVersion: '2', lastGoodVersion: '2' },
    );
    expect(readyOf(statusOf(same, { deployment: rolling(late) }))?.message).toContain('not rolled back');
  });

  it('that was rolled back says so for as long as it is, although all pods are ready', () => {
    const status = statusOf(before, { deployment: rolling({ ...allReady(2) }, takenBack, '1') });
    expect(brief(status)).toMatchObject({ Ready: 'False RolledBack', Stalled: 'True RolledBack' });
    expect(status.rollout).toMatchObject({
      version: '2',
      phase: 'RolledBack',
      updatedReplicas: 0,
      message: takenBack[ROLLED_BACK_MESSAGE_ANNOTATION],
    });
    expect([status.currentVersion, status.lastGoodVersion]).toEqual(['1', '1']);
    for (const part of ['Version 2 was rolled back, 1 runs', 'within 15s', 'Set spec.version']) {
      expect(readyOf(status)?.message).toContain(part);
    }
  });

  it('of a version that came in while no pods were asked for begins when they are', () => {
    const complete = { conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }] };
    const waking = rolling({ replicas: 2, readyReplicas: 0, updatedReplicas: 2, ...complete });
    const first = statusOf(before, { deployment: waking });
    expect(first.rollout?.startedAt).toBe('2026-01-01T00:00:00Z');
    const later = statusOf({ ...before, status: first }, { deployment: waking }, new Date('2026-01-01T01:00:00Z'));
    expect(later.rollout?.startedAt).toBe('2026-01-01T00:00:00Z');
  });

  it('is over when all pods run the version, and with no pods there is none', () => {
    const over = statusOf(before, { deployment: rolling(allReady(2)) });
    expect([over.rollout, over.currentVersion, over.lastGoodVersion]).toEqual([undefined, '2', '2']);
    expect(
      statusOf(before, { deployment: deployment(aPool({ version: '2' }), 0, { ...late, replicas: 1 }) }).rollout,
    ).toBeUndefined();
  });

  it('is reported by events, each change once', () => {
    const progressing = statusOf(before, { deployment: rolling(moving) });
    const blocked = statusOf(before, { deployment: rolling(moving), blocked: looping });
    const failed = statusOf(before, { deployment: rolling(late), blocked: looping });
    const back = statusOf(before, { deployment: rolling(allReady(2), takenBack, '1') });
    const done = statusOf(before, { deployment: rolling(allReady(2)) });
    expect(reasons(before.status, progressing)).toEqual([]);
    expect(reasons(progressing, blocked)).toEqual(['Warning CrashLooping']);
    expect(reasons(blocked, failed)).toEqual(['Warning ProgressDeadlineExceeded']);
    expect(reasons(failed, back)).toEqual(['Warning RolledBack']);
    expect(reasons(progressing, done)).toEqual(['Normal RolloutComplete']);
    for (const status of [progressing, blocked, failed, back, done]) expect(reasons(status, status)).toEqual([]);
  });
});
