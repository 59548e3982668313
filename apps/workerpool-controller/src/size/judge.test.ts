import { describe, expect, it } from 'vitest';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { desiredDeployment } from '../deployment/deployment.ts';
import { REPLICAS_ANNOTATION } from '../kubernetes/names.ts';
import { aDecision, aPool, autoscaled, liveDeployment, ownerOfReplicas, someQueues } from '../testing/objects.ts';
import { judgeDecision, type DecisionScene } from './judge.ts';

const pool = aPool(autoscaled(0, 10));
const HPA = 'kube-controller-manager';

function scene(change: Partial<DecisionScene> & { live?: number; fence?: string } = {}): DecisionScene {
  const { live = 2, fence = '500.9', ...rest } = change;
  const annotations = { [DECISION_ANNOTATION]: fence, [REPLICAS_ANNOTATION]: String(live) };
  return {
    pool,
    deployment: liveDeployment(desiredDeployment(pool, someQueues), live, annotations),
    seen: undefined,
    busNowMs: 1_001_000,
    nowMs: 1_001_000,
    ...rest,
  };
}

it('a newer decision changes the size and raises the fence', () => {
  expect(judgeDecision(aDecision(), scene())).toEqual({
    kind: 'scale',
    from: 2,
    to: 5,
    fence: { epoch: 1000, sequence: 1 },
  });
});

it.each([
  ['above maxReplicas', 99, 10],
  ['below minReplicas', 0, 1],
])('a decision %s is cut to the bounds of the spec as it is now', (_, desiredReplicas, to) => {
  const bounded = aPool(autoscaled(1, 10));
  expect(judgeDecision(aDecision({ desiredReplicas }), scene({ pool: bounded }))).toMatchObject({ kind: 'scale', to });
});

describe('who goes', () => {
  const busy = { 'email-workers-1-a': 2 };

  it('is to be chosen by active jobs before a pool shrinks', () => {
    const verdict = judgeDecision(aDecision({ currentReplicas: 5, desiredReplicas: 2, busy }), scene({ live: 5 }));
    expect(verdict).toMatchObject({ kind: 'scale', from: 5, to: 2, held: { jobs: busy, seconds: {} } });
  });

  it.each([
    ['the pool grows', { live: 1, desiredReplicas: 5 }],
    ['all pods go', { live: 5, desiredReplicas: 0 }],
  ])('does not matter when %s', (_, { live, desiredReplicas }) => {
    const verdict = judgeDecision(aDecision({ currentReplicas: live, desiredReplicas, busy }), scene({ live }));
    expect(verdict.kind).toBe('scale');
    expect(verdict).not.toHaveProperty('busy');
  });

  it('is left to Kubernetes when the decision does not know which pods are busy', () => {
    expect(judgeDecision(aDecision({ desiredReplicas: 3 }), scene({ live: 5 }))).not.toHaveProperty('busy');
  });
});

describe('order', () => {
  it.each([
    ['the same decision again', '1000.1'],
    ['an older sequence', '1000.2'],
    ['an older epoch, whatever its sequence', '1001.0'],
  ])('%s is dropped', (_, fence) => {
    expect(judgeDecision(aDecision(), scene({ fence }))).toMatchObject({ kind: 'drop', reason: 'older' });
  });

  it('one that is older than a hold, which leaves no fence on the Deployment, is dropped', () => {
    const seen = { epoch: 1000, sequence: 7 };
    expect(judgeDecision(aDecision(), scene({ seen }))).toMatchObject({ kind: 'drop', reason: 'older' });
  });

  it('a newer epoch wins over a higher sequence of the one before', () => {
    expect(judgeDecision(aDecision({ epoch: 1001, sequence: 0 }), scene({ fence: '1000.99' })).kind).toBe('scale');
  });

  it('a fence from the future of the bus clock, which was set back since, does not stop scaling for good', () => {
    expect(judgeDecision(aDecision(), scene({ fence: '9000000.1' })).kind).toBe('scale');
  });

  it.each([
    ['an older sequence of the same epoch', { seen: { epoch: 9_000_000, sequence: 2 } }],
    ['an older sequence than on the Deployment', { fence: '9000000.2' }],
    ['an older epoch than was seen', { seen: { epoch: 9_000_001, sequence: 1 } }],
    [
      'an older epoch than on the Deployment that was seen',
      { fence: '9000001.2', seen: { epoch: 9_000_001, sequence: 1 } },
    ],
  ])('on a bus whose clock was set back, %s is dropped as ever', (_, known) => {
    const decision = aDecision({ epoch: 9_000_000, sequence: 1 });
    expect(judgeDecision(decision, scene(known))).toMatchObject({ kind: 'drop', reason: 'older' });
  });

  it('a fence that somebody overwrote does not stop scaling', () => {
    expect(judgeDecision(aDecision(), scene({ fence: 'latest' })).kind).toBe('scale');
  });
});

describe('nothing is written', () => {
  it('when the size is the decided one', () => {
    expect(judgeDecision(aDecision(), scene({ live: 5 }))).toEqual({ kind: 'note' });
  });

  it('when the decision holds, although the size has moved since it was taken', () => {
    const hold = aDecision({ currentReplicas: 2, desiredReplicas: 2, heldBy: 'StaleData' });
    expect(judgeDecision(hold, scene({ live: 8 }))).toEqual({ kind: 'note' });
  });
});

describe('dropped', () => {
  it.each<[string, Partial<DecisionScene>, string]>([
    ['a pool that is gone', { pool: undefined }, 'pool-gone'],
    ['another pool of the same name', { pool: { ...pool, metadata: { ...pool.metadata, uid: 'other' } } }, 'pool-gone'],
    ['autoscaling that is off', { pool: aPool() }, 'autoscaling-off'],
    [
      'autoscaling that is switched off',
      { pool: aPool({ autoscaling: { enabled: false, minReplicas: 0 } }) },
      'autoscaling-off',
    ],
    ['a Deployment that is missing', { deployment: undefined }, 'no-deployment'],
  ])('for %s', (_, change, reason) => {
    expect(judgeDecision(aDecision(), scene(change))).toMatchObject({ kind: 'drop', reason });
  });

  it("for somebody else's Deployment", () => {
    const found = scene();
    found.deployment!.metadata.ownerReferences = [];
    expect(judgeDecision(aDecision(), found)).toMatchObject({ kind: 'drop', reason: 'no-deployment' });
  });

  it('while somebody else writes the size, whom the message names', () => {
    const deployment = liveDeployment(desiredDeployment(pool, someQueues), 9, { [REPLICAS_ANNOTATION]: '2' }, [
      ownerOfReplicas('kube-controller-manager', 'Update'),
    ]);
    const verdict = judgeDecision(aDecision(), scene({ deployment }));
    expect(verdict).toMatchObject({ kind: 'drop', reason: 'contested' });
    expect(verdict).toHaveProperty('message', expect.stringContaining('kube-controller-manager') as string);
  });

  it.each([
    ['is not shrunk by decisions', 9, '2', 60, 5, 'drop'],
    ['is not shrunk when it passes through our size', 9, '9', 60, 5, 'drop'],
    ['is raised by them once its time is up', 4, '2', 60, 5, 'scale'],
    ['is not raised by them before', 4, '2', 4, 5, 'drop'],
    ['is raised by them at once when it passes through our size', 4, '4', 4, 5, 'scale'],
  ])('another autoscaler %s', (_, live, written, minutes, desiredReplicas, kind) => {
    const deployment = liveDeployment(desiredDeployment(pool, someQueues), live, { [REPLICAS_ANNOTATION]: written }, [
      ownerOfReplicas(HPA, 'Update'),
    ]);
    const lastTransitionTime = new Date(scene().nowMs - minutes * 60_000).toISOString();
    const type = 'ReplicasContested';
    const conditions = [{ type, status: 'True' as const, reason: type, message: '', lastTransitionTime }];
    const contested = { ...pool, status: { conditions } };
    const verdict = judgeDecision(aDecision({ desiredReplicas }), scene({ deployment, pool: contested }));
    const { takenBack } = { takenBack: '', ...verdict };
    expect([verdict.kind, takenBack.replace(/ .* /, ' ')]).toEqual([kind, kind === 'drop' ? '' : `1 ${HPA}`]);
  });
});
