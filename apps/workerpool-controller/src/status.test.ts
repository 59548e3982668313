import { describe, expect, it } from 'vitest';
import type { WorkerPool } from '@redis-queue/api';
import type { Deployment } from './kubernetes/objects.ts';
import type { StatusInput } from './status.ts';
import { aDecision, aPool, autoscaled } from './testing/objects.ts';
import { allReady, brief, deployment, EARLIER, looping, nodeless, statusOf } from './testing/statuses.ts';

const at = (type: string, value: 'True' | 'False', reason: string) => ({
  type,
  status: value,
  reason,
  message: '',
  lastTransitionTime: EARLIER,
});
const createdAt = (creationTimestamp: string): WorkerPool => {
  const pool = aPool(autoscaled(0, 10));
  return { ...pool, metadata: { ...pool.metadata, creationTimestamp } };
};

describe('conditions', () => {
  const settled = { conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }] };
  const ready = { ...at('Ready', 'True', 'RolledOut'), observedGeneration: 1 };
  const served = { ...at('Degraded', 'False', 'AsExpected') };
  /** Whose spec was in effect before. */
  const inEffect = aPool({}, { conditions: [ready, served] });
  const created = aPool();
  const some = { Available: 'True MinimumReplicasAvailable' };
  const none = { Available: 'False MinimumReplicasUnavailable' };
  const rolledOut = { Ready: 'True RolledOut', Degraded: 'False AsExpected' };
  const progressing = { Ready: 'False Progressing', Reconciling: 'True Progressing' };
  const never = { Degraded: 'Unknown NeverAvailable' };
  const counts = (replicas: number, change: Deployment['status'] = {}) =>
    deployment(created, replicas, { ...allReady(replicas), ...settled, ...change });

  it.each<[string, WorkerPool, Partial<StatusInput>, Record<string, string>]>([
    ['all pods ready', created, { deployment: counts(2) }, { ...rolledOut, ...some }],
    ['no pods asked for', created, { deployment: counts(0) }, { ...rolledOut, ...some }],
    ['no Deployment yet', created, {}, { ...progressing, ...never, Available: 'False Progressing' }],
    [
      'the first pods of a new spec, of a size by hand',
      created,
      { deployment: counts(2, { readyReplicas: 1 }) },
      { ...progressing, ...some, Degraded: 'False AsExpected' },
    ],
    [
      'pods that come after the first',
      inEffect,
      { deployment: counts(2, { readyReplicas: 1 }) },
      { ...rolledOut, ...some },
    ],
    ['pods that go', inEffect, { deployment: counts(2, allReady(3)) }, { ...rolledOut, ...some }],
    [
      'a size that has not been seen',
      inEffect,
      { deployment: counts(2, { observedGeneration: 0 }) },
      { ...rolledOut, ...some },
    ],
    ['a start from zero', inEffect, { deployment: counts(2, { readyReplicas: 0 }) }, { ...rolledOut, ...none }],
    [
      'old pods that still run',
      inEffect,
      { deployment: counts(2, { replicas: 3, updatedReplicas: 2 }) },
      { ...progressing, ...some, Degraded: 'False AsExpected' },
    ],
    [
      'a new spec that the Deployment controller has not seen',
      created,
      { deployment: counts(2, { observedGeneration: 0 }) },
      { ...progressing, ...some, Degraded: 'False AsExpected' },
    ],
    [
      'some pods that cannot work',
      inEffect,
      { deployment: counts(2, { readyReplicas: 1 }), blocked: looping },
      { Ready: 'True RolledOut', ...some, Degraded: 'True CrashLooping', PodsBlocked: 'True CrashLooping' },
    ],
    [
      'no pod that can work',
      inEffect,
      { deployment: counts(2, { readyReplicas: 0 }), blocked: looping },
      {
        Ready: 'False CrashLooping',
        Reconciling: 'True CrashLooping',
        ...none,
        Degraded: 'True CrashLooping',
        PodsBlocked: 'True CrashLooping',
      },
    ],
    [
      'pods that have no node for a while',
      inEffect,
      { deployment: counts(2, { readyReplicas: 0 }), blocked: nodeless },
      { ...rolledOut, ...none, PodsBlocked: 'True Unschedulable' },
    ],
    [
      'pods that have no node for long',
      inEffect,
      { deployment: counts(2, { readyReplicas: 1 }), blocked: nodeless, late: { count: 1 } },
      { Ready: 'True RolledOut', ...some, Degraded: 'True Unschedulable', PodsBlocked: 'True Unschedulable' },
    ],
    [
      'pods that take too long',
      inEffect,
      { deployment: counts(2, { readyReplicas: 1 }), late: { count: 1 } },
      { Ready: 'True RolledOut', ...some, Degraded: 'True ReplicasMissing' },
    ],
    [
      'no pod for too long',
      aPool({}, { conditions: [ready, served, at('Available', 'False', 'MinimumReplicasUnavailable')] }),
      { deployment: counts(2, { readyReplicas: 0 }) },
      {
        Ready: 'False MinimumReplicasUnavailable',
        Reconciling: 'True MinimumReplicasUnavailable',
        ...none,
        Degraded: 'True MinimumReplicasUnavailable',
      },
    ],
    [
      'a rollout that makes no progress',
      inEffect,
      {
        deployment: deployment(created, 2, {
          readyReplicas: 2,
          conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
        }),
      },
      {
        Ready: 'False ProgressDeadlineExceeded',
        Stalled: 'True ProgressDeadlineExceeded',
        ...some,
        Degraded: 'True ProgressDeadlineExceeded',
      },
    ],
    [
      'a missing queue',
      created,
      { problem: { reason: 'QueueNotFound', message: 'gone' } },
      { Ready: 'False QueueNotFound', Reconciling: 'True QueueNotFound', ...never, Available: 'False QueueNotFound' },
    ],
    [
      'mixed Redis, while pods serve',
      inEffect,
      { deployment: counts(2), problem: { reason: 'MixedRedis', message: 'two' } },
      { Ready: 'False MixedRedis', Stalled: 'True MixedRedis', ...some, Degraded: 'True MixedRedis' },
    ],
  ])('%s', (_, pool, change, expected) => {
    expect(brief(statusOf(pool, change))).toEqual({ ...expected, ScalingActive: 'False Disabled' });
  });

  it('of a pool that the autoscaler sizes are Ready while its pods have yet to come', () => {
    const auto = aPool(autoscaled(1, 10));
    const growing = { deployment: counts(5, { readyReplicas: 2 }), decision: aDecision() };
    expect(brief(statusOf(auto, growing))).toMatchObject({ ...rolledOut, ...some });
  });

  it('say that decisions are missing once the first is overdue', () => {
    const input = { deployment: counts(0) };
    expect(brief(statusOf(createdAt('2025-12-31T23:59:30Z'), input))).toMatchObject({ Degraded: 'False AsExpected' });
    expect(brief(statusOf(createdAt('2025-12-31T23:58:00Z'), input))).toMatchObject({
      Degraded: 'True WaitingForDecision',
    });
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
    const times = conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]);
    expect(Object.fromEntries(times ?? [])).toEqual({
      Ready: '2026-01-01T00:00:00Z',
      Available: '2026-01-01T00:00:00Z',
      Degraded: '2026-01-01T00:00:00Z',
      ScalingActive: EARLIER,
    });
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

const levelAfter = (status: WorkerPool['status'], decision = aDecision()) =>
  statusOf(aPool(autoscaled(0, 10), status), { decision }).contractLevel;

describe('the level of the pod contract', () => {
  it('is what the pods say, and stays while they say nothing, until another version runs', () => {
    expect(levelAfter({}, aDecision({ contractLevel: 1 }))).toBe(1);
    expect(levelAfter({ contractLevel: 1, currentVersion: '1.4.2' })).toBe(1);
    expect(levelAfter({ contractLevel: 1, currentVersion: '1.4.2' }, aDecision({ contractLevel: 2 }))).toBe(2);
    expect(levelAfter({ contractLevel: 1, currentVersion: '1.4.1' })).toBeUndefined();
    expect(levelAfter({})).toBeUndefined();
  });
});

const unspared = { reason: 'ApiForbidden', message: 'patch pods a: no right' } as const;
const spared = (input: Partial<StatusInput>, pool = aPool()) =>
  statusOf(pool, input).conditions?.find(({ type }) => type === 'BusyPodsSpared');

describe('a shrink that could not spare busy pods', () => {
  it('is said, with the reason', () => {
    expect(spared({ unspared })).toMatchObject({
      status: 'False',
      reason: 'ApiForbidden',
      message: 'The pool shrinks without sparing busy pods: patch pods a: no right',
    });
  });

  it('is said until a later one does, also after a restart', () => {
    const before = statusOf(aPool(), { unspared });
    expect(spared({}, aPool({}, before))).toEqual(before.conditions?.find(({ type }) => type === 'BusyPodsSpared'));
    expect(spared({ unspared: null }, aPool({}, before))).toBeUndefined();
    expect(spared({})).toBeUndefined();
  });
});
