import { describe, expect, it } from 'vitest';
import type { WorkerPool } from '@redis-queue/api';
import type { Deployment } from './kubernetes/objects.ts';
import type { StatusInput } from './status.ts';
import { aDecision, aPool, autoscaled } from './testing/objects.ts';
import { allReady, brief, deployment, EARLIER, looping, statusOf } from './testing/statuses.ts';

const at = (type: string, value: 'True' | 'False', reason: string) => ({
  type,
  status: value,
  reason,
  message: '',
  lastTransitionTime: EARLIER,
});

describe('conditions', () => {
  const pool = aPool();
  it.each<[string, Partial<StatusInput>, Record<string, string>]>([
    ['all pods ready', { deployment: deployment(pool, 2, allReady(2)) }, { Ready: 'True Available' }],
    ['no pods asked for', { deployment: deployment(pool, 0, allReady(0)) }, { Ready: 'True Available' }],
    [
      'a pod not ready',
      { deployment: deployment(pool, 2, { ...allReady(2), readyReplicas: 1 }) },
      { Ready: 'False Progressing', Reconciling: 'True Progressing' },
    ],
    [
      'old pods that still run',
      { deployment: deployment(pool, 2, { ...allReady(2), replicas: 3 }) },
      { Ready: 'False Progressing', Reconciling: 'True Progressing' },
    ],
    [
      'a spec that the Deployment controller has not seen',
      { deployment: deployment(pool, 2, { ...allReady(2), observedGeneration: 0 }) },
      { Ready: 'False Progressing', Reconciling: 'True Progressing' },
    ],
    [
      'pods that cannot work',
      { deployment: deployment(pool, 2, { ...allReady(2), readyReplicas: 1 }), blocked: looping },
      { Ready: 'False CrashLooping', Reconciling: 'True CrashLooping', PodsBlocked: 'True CrashLooping' },
    ],
    [
      'a rollout that makes no progress',
      {
        deployment: deployment(pool, 2, {
          conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
        }),
      },
      { Ready: 'False ProgressDeadlineExceeded', Stalled: 'True ProgressDeadlineExceeded' },
    ],
    [
      'a missing queue',
      { problem: { reason: 'QueueNotFound', message: 'gone' } },
      { Ready: 'False QueueNotFound', Reconciling: 'True QueueNotFound' },
    ],
    [
      'mixed Redis',
      { problem: { reason: 'MixedRedis', message: 'two' } },
      { Ready: 'False MixedRedis', Stalled: 'True MixedRedis' },
    ],
  ])('%s', (_, change, expected) => {
    expect(brief(statusOf(pool, change))).toEqual({ ...expected, ScalingActive: 'False Disabled' });
  });

  it('keep the time of their last change, and lose what does not hold any more', () => {
    const before = aPool(
      {},
      {
        conditions: [
          at('Ready', 'False', 'MixedRedis'),
          at('Stalled', 'True', 'MixedRedis'),
          at('ScalingActive', 'False', 'Disabled'),
        ],
      },
    );
    const { conditions } = statusOf(before, { deployment: deployment(before, 1, allReady(1)) });
    expect(conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['Ready', '2026-01-01T00:00:00Z'],
      ['ScalingActive', EARLIER],
    ]);
  });
});

const versions = (pool: WorkerPool, found: Deployment) => {
  const { currentVersion, lastGoodVersion } = statusOf(pool, { deployment: found });
  return [currentVersion, lastGoodVersion];
};
const scaling = (atMs: number) => ({ atMs, from: 1, to: 2, reason: `at ${atMs}` });

describe('versions', () => {
  const before = aPool({ version: '2' }, { currentVersion: '1', lastGoodVersion: '1' });

  it('move on once every pod runs the new one and is ready', () => {
    expect(versions(before, deployment(before, 2, allReady(2)))).toEqual(['2', '2']);
  });

  it('stay while the rollout is under way', () => {
    expect(versions(before, deployment(before, 2, { ...allReady(2), updatedReplicas: 1 }))).toEqual(['1', '1']);
  });

  it('a version is not good for having no pods', () => {
    expect(versions(before, deployment(before, 0, allReady(0)))).toEqual(['2', '1']);
  });
});

describe('autoscaling', () => {
  it('reports the decision, with signals a person can read', () => {
    const { autoscaling } = statusOf(aPool(autoscaled(0, 10)), { decision: aDecision() });
    expect(autoscaling).toEqual({
      desired: 5,
      reason: '5 replicas: 400 jobs wait',
      sampledAt: '1970-01-01T00:16:40Z',
      confidence: 1,
      decision: '1000.1',
      signals: [{ queue: 'emails', depth: 400, arrivalRate: 12.35, serviceTimeMs: 800, wants: 5 }],
    });
  });

  it('keeps what it reported before while this process has seen no decision', () => {
    const reported = { desired: 3, reason: 'x', decision: '9.9', heldBy: 'Panic' };
    expect(statusOf(aPool(autoscaled(0, 10), { autoscaling: reported })).autoscaling).toEqual(reported);
  });

  it('keeps the ten newest changes of size, newest first', () => {
    const last = Array.from({ length: 10 }, (_, index) => ({ time: EARLIER, from: index, to: index, reason: 'old' }));
    const { autoscaling } = statusOf(aPool(autoscaled(0, 10), { autoscaling: { last } }), {
      scalings: [scaling(2000), scaling(1000)],
    });
    expect(autoscaling?.last?.map(({ reason }) => reason)).toEqual(['at 2000', 'at 1000', ...Array(8).fill('old')]);
    expect(autoscaling?.lastScaleTime).toBe('1970-01-01T00:00:02Z');
  });

  it('forgets reasons when it is off, but not the fence: no older decision may pass when it is on again', () => {
    const reported = { desired: 3, reason: 'x', decision: '9.9', heldBy: 'Panic' };
    expect(statusOf(aPool({}, { autoscaling: reported }), { decision: aDecision() }).autoscaling).toEqual({
      decision: '9.9',
    });
  });
});
