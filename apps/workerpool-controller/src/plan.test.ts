import { describe, expect, it } from 'vitest';
import type { WorkerPool } from '@redis-queue/api';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { NO_CONFIG } from './deployment/config.ts';
import { desiredBudget } from './deployment/disruption-budget.ts';
import { CONTEST_MS } from './deployment/contest.ts';
import { REPLICAS_ANNOTATION, TAKEN_BACK_ANNOTATION } from './kubernetes/names.ts';
import type { Deployment } from './kubernetes/objects.ts';
import { planPool } from './plan.ts';
import type { ObservedPool } from './steps.ts';
import { aPool, autoscaled, liveDeployment, ownerOfReplicas, someQueues } from './testing/objects.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const observed = (deployment: Deployment | undefined, change: Partial<ObservedPool> = {}): ObservedPool => ({
  deployment,
  budget: desiredBudget(aPool()),
  config: NO_CONFIG,
  queues: someQueues,
  busConfigured: true,
  inTheWay: () => '',
  nowMs: NOW,
  ...change,
});
/** The Deployment as a plan creates it. */
function createdFor(pool: WorkerPool): Deployment {
  const [step] = planPool(pool, observed(undefined)).steps;
  if (step?.kind !== 'create') throw new Error('no creation was planned');
  return step.deployment;
}

/** A Deployment that is as the pool wants it. */
function settled(
  pool = aPool(),
  replicas = pool.spec.replicas,
  written = replicas,
  managedFields?: Parameters<typeof liveDeployment>[3],
) {
  const annotations = { [DECISION_ANNOTATION]: '5.6', [REPLICAS_ANNOTATION]: String(written) };
  return liveDeployment(createdFor(pool), replicas, annotations, managedFields);
}
/** A Deployment of two replicas that `redis-queue` has created and not handed over. */
const created = () =>
  liveDeployment(createdFor(aPool(autoscaled(2, 9))), 2, {}, [ownerOfReplicas('redis-queue', 'Apply')]);
const minutesAgo = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const kinds = (plan: ReturnType<typeof planPool>) => plan.steps.map((step) => step.kind);

const contestedFor = (minutes: number) => {
  const condition = {
    type: 'ReplicasContested',
    status: 'True',
    reason: 'ReplicasContested',
    message: 'kubectl',
  } as const;
  return { conditions: [{ ...condition, lastTransitionTime: minutesAgo(minutes) }] };
};

/** The note that we wrote over a size so many minutes ago, for the nth time. */
const takenBack = (minutes: number, times: number, manager: string) => ({
  [TAKEN_BACK_ANNOTATION]: `${times} ${minutesAgo(minutes)} 0 ${manager}`,
});

describe('a new pool', () => {
  it('creates the Deployment with its size, then hands the size over', () => {
    expect(planPool(aPool({ replicas: 3 }), observed(undefined)).steps).toMatchObject([
      { kind: 'create', replicas: 3 },
      { kind: 'scale', replicas: 3, fence: { epoch: 0, sequence: 0 } },
    ]);
  });

  it.each([
    ['its minimum', autoscaled(2, 10), undefined, 2],
    ['none when the minimum is 0', autoscaled(0, 10), undefined, 0],
    ['the size it had when its Deployment was deleted by hand', autoscaled(0, 10), 7, 7],
    ['that size within bounds that have changed', autoscaled(0, 5), 7, 5],
  ])('with autoscaling starts with %s', (_, spec, desiredReplicas, expected) => {
    const pool = aPool(spec, desiredReplicas === undefined ? undefined : { desiredReplicas });
    expect(planPool(pool, observed(undefined)).steps[0]).toMatchObject({ kind: 'create', replicas: expected });
  });

  it('lets no decision through that is older than the last one before its Deployment was deleted', () => {
    const pool = aPool(autoscaled(0, 10), { desiredReplicas: 7, autoscaling: { decision: '9.4' } });
    expect(planPool(pool, observed(undefined)).steps[1]).toMatchObject({ fence: { epoch: 9, sequence: 4 } });
  });
});

describe('a settled pool', () => {
  it.each([aPool({ replicas: 4 }), aPool(autoscaled(0, 10))])('plans nothing', (pool) => {
    expect(planPool(pool, observed(settled(pool, 4)))).toEqual({ steps: [] });
  });

  it('plans nothing when caches leave managed fields out', () => {
    const deployment = settled();
    delete deployment.metadata.managedFields;
    expect(planPool(aPool(), observed(deployment))).toEqual({ steps: [] });
  });

  it('with autoscaling keeps whatever size the Deployment has', () => {
    expect(planPool(aPool(autoscaled(0, 50)), observed(settled(aPool(autoscaled(0, 50)), 37))).steps).toEqual([]);
  });

  it.each([
    ['raised above the size', autoscaled(5, 10), 3, 5],
    ['lowered below the size', autoscaled(0, 2), 3, 2],
  ])('follows a bound that was %s at once', (_, spec, live, expected) => {
    const plan = planPool(aPool(spec), observed(settled(aPool(spec), live)));
    expect(plan.steps).toMatchObject([{ kind: 'scale', replicas: expected, fence: { epoch: 5, sequence: 6 } }]);
  });

  it('without autoscaling follows spec.replicas and keeps the fence', () => {
    const plan = planPool(aPool({ replicas: 6 }), observed(settled(aPool({ replicas: 6 }), 2)));
    expect(plan.steps).toMatchObject([{ kind: 'scale', replicas: 6, fence: { epoch: 5, sequence: 6 } }]);
  });
});

describe('a crash between creation and hand-over', () => {
  it('is made up for: the size is handed over as it is', () => {
    expect(planPool(aPool(autoscaled(2, 9)), observed(created())).steps).toMatchObject([
      { kind: 'scale', replicas: 2 },
    ]);
  });

  it('with a changed template hands over first, so that the size is never without an owner', () => {
    const pool = aPool({ ...autoscaled(2, 9), version: '2.0.0' });
    const plan = planPool(pool, observed(created()));
    expect(kinds(plan)).toEqual(['scale', 'applyTemplate']);
    expect(plan.steps[1]).not.toHaveProperty('carryReplicas');
  });
});

describe('the template', () => {
  it('is applied without a size once redis-queue-scale owns it', () => {
    const plan = planPool(aPool({ version: '2.0.0' }), observed(settled()));
    expect(plan.steps).toMatchObject([{ kind: 'applyTemplate', drift: false }]);
    expect(plan.steps[0]).not.toHaveProperty('carryReplicas');
  });

  it('carries the live size while redis-queue-scale does not own it', () => {
    const taken = ownerOfReplicas('kubectl', 'Update', new Date(NOW).toISOString());
    const plan = planPool(aPool({ version: '2.0.0' }), observed(settled(aPool(), 8, 1, [taken])));
    expect(plan.steps).toMatchObject([{ kind: 'applyTemplate', carryReplicas: 8 }]);
  });

  it('is set back when somebody else has changed a field of ours', () => {
    const deployment = settled();
    (deployment.spec['template'] as { spec: { containers: { image: string }[] } }).spec.containers[0]!.image = 'evil:1';
    expect(planPool(aPool(), observed(deployment)).steps).toMatchObject([{ kind: 'applyTemplate', drift: true }]);
  });

  it('is applied when a field was dropped, which the live object alone would not show', () => {
    const before = aPool({ resources: { limits: { memory: '1Gi' } } });
    expect(kinds(planPool(aPool(), observed(settled(before))))).toEqual(['applyTemplate']);
  });

  it('leaves fields alone that others have added', () => {
    const deployment = settled();
    deployment.metadata.annotations!['deployment.kubernetes.io/revision'] = '3';
    (deployment.spec['template'] as { spec: { containers: { env: object[] }[] } }).spec.containers[0]!.env.unshift({
      name: 'ADDED',
      value: '1',
    });
    expect(planPool(aPool(), observed(deployment)).steps).toEqual([]);
  });

  it('changes when the Secret does', () => {
    const plan = planPool(aPool(), observed(settled(), { queues: { ...someQueues, secretHash: 'ffff0000' } }));
    expect(kinds(plan)).toEqual(['applyTemplate']);
  });
});

describe('somebody else writes the size', () => {
  const spec = autoscaled(0, 20);
  const kubectl = [ownerOfReplicas('kubectl', 'Update')];

  it('is left alone for a while and named', () => {
    expect(planPool(aPool(spec), observed(settled(aPool(spec), 9, 4, kubectl)))).toEqual({
      steps: [],
      contest: { manager: 'kubectl', kind: 'repair', untilMs: NOW + CONTEST_MS, ours: '4' },
    });
  });

  it('is left alone until five minutes after status first reported it, whatever it writes meanwhile', () => {
    const pool = aPool(spec, contestedFor(4));
    expect(planPool(pool, observed(settled(pool, 9, 4, kubectl)))).toEqual({
      steps: [],
      contest: { manager: 'kubectl', kind: 'repair', untilMs: NOW + 60_000, ours: '4' },
    });
  });

  it.each([
    ['a larger size is kept', 9, 4, 9],
    ['a smaller one is not: a shrink needs a decision', 1, 4, 4],
    ['bounds hold', 90, 4, 20],
  ])('is taken back afterwards: %s', (_, live, written, expected) => {
    const pool = aPool(spec, contestedFor(6));
    const plan = planPool(pool, observed(settled(pool, live, written, kubectl)));
    expect(plan).toMatchObject({ steps: [{ kind: 'scale', replicas: expected }] });
    expect(plan.contest).toBeUndefined();
  });

  it('is left alone for as long as it declares the field by server-side apply', () => {
    const pool = aPool(spec, contestedFor(600));
    const deployment = settled(pool, 9, 4, [ownerOfReplicas('argocd', 'Apply', minutesAgo(600))]);
    expect(planPool(pool, observed(deployment))).toEqual({ steps: [], contest: { manager: 'argocd', kind: 'wait' } });
  });

  it('is named although it declares the very size that we wrote, once another is wanted', () => {
    const off = aPool({ replicas: 5 });
    const deployment = settled(off, 3, 3, [ownerOfReplicas('argocd', 'Apply')]);
    expect(planPool(off, observed(deployment))).toEqual({ steps: [], contest: { manager: 'argocd', kind: 'wait' } });
  });

  it('without autoscaling spec.replicas is restored afterwards', () => {
    const off = aPool({ replicas: 3 }, contestedFor(6));
    expect(planPool(off, observed(settled(off, 9, 3, kubectl))).steps).toMatchObject([{ kind: 'scale', replicas: 3 }]);
  });

  it('is no contest when it wrote the size that we wrote', () => {
    expect(planPool(aPool(spec), observed(settled(aPool(spec), 4, 4, kubectl)))).toEqual({ steps: [] });
  });

  describe('an autoscaler', () => {
    const hpa = [ownerOfReplicas('kube-controller-manager', 'Update')];

    it.each([
      ['with autoscaling off', { replicas: 3 }],
      ['with autoscaling on', autoscaled(0, 20)],
      ['beyond the bounds', autoscaled(0, 5)],
    ])('is never shrunk, however long it is there: %s', (_, wanted) => {
      const pool = aPool(wanted, contestedFor(10_000));
      const plan = planPool(pool, observed(settled(pool, 9, 3, hpa)));
      expect(plan).toEqual({ steps: [], contest: { manager: 'kube-controller-manager', kind: 'yield', ours: '3' } });
    });

    it('that keeps the pool too small is overruled after five minutes, which the Deployment remembers', () => {
      const pool = aPool({ replicas: 5 }, contestedFor(6));
      const note = `1 ${new Date(NOW).toISOString().replace('.000', '')} 2 kube-controller-manager`;
      const plan = planPool(pool, observed(settled(pool, 2, 5, hpa)));
      expect(plan).toEqual({ steps: [expect.objectContaining({ kind: 'scale', replicas: 5, takenBack: note })] });
      const early = aPool({ replicas: 5 }, contestedFor(4));
      expect(planPool(early, observed(settled(early, 2, 5, hpa))).steps).toEqual([]);
    });
  });

  describe('who comes back', () => {
    const spec5 = { replicas: 5 };
    const planOf = (contestedMinutes: number, note: Record<string, string>, live: number, manager = 'kubectl') => {
      const pool = aPool(spec5, contestedFor(contestedMinutes));
      const deployment = settled(pool, live, 5, [ownerOfReplicas(manager, 'Update')]);
      Object.assign(deployment.metadata.annotations!, note);
      return planPool(pool, observed(deployment));
    };

    it('is left alone for twice as long each time, and for a day at most', () => {
      expect(planOf(8, takenBack(9, 1, 'kubectl'), 2).contest?.untilMs).toBe(NOW + 2 * 60_000);
      expect(planOf(8, takenBack(9, 3, 'kubectl'), 2).contest?.untilMs).toBe(NOW + 32 * 60_000);
      expect(planOf(8, takenBack(9, 999, 'kubectl'), 2).contest?.untilMs).toBe(NOW + (24 * 60 - 8) * 60_000);
    });

    it('counts from our write when status still shows the contest before it', () => {
      expect(planOf(30, takenBack(1, 1, 'kubectl'), 2).contest?.untilMs).toBe(NOW + 9 * 60_000);
    });

    it('is not made smaller, be it a person', () => {
      expect(planOf(500, takenBack(501, 1, 'kubectl'), 9)).toMatchObject({ steps: [], contest: { kind: 'yield' } });
    });

    it.each([
      ['days later', takenBack(20 + 24 * 60 + 41, 3, 'kubectl')],
      ['as somebody else', takenBack(7, 3, 'kube-controller-manager')],
      ['after a time that has not come yet', takenBack(-7, 3, 'kubectl')],
      ['after what was never written like this', { [TAKEN_BACK_ANNOTATION]: 'often, lately' }],
    ])('%s has not come back', (_, note) => {
      expect(planOf(20, note, 9).steps).toMatchObject([{ kind: 'scale', replicas: 5 }]);
    });
  });

  it('is no contest when nobody owns the size any more: it is brought back at once', () => {
    const deployment = settled(aPool(spec), 1, 4, []);
    expect(planPool(aPool(spec), observed(deployment)).steps).toMatchObject([{ kind: 'scale', replicas: 4 }]);
  });
});

describe('what is in the way', () => {
  const missing = { reason: 'QueueNotFound', message: 'gone' } as const;

  it('a missing queue creates nothing', () => {
    expect(planPool(aPool(), observed(undefined, { queues: missing }))).toEqual({ steps: [], problem: missing });
  });

  it('a missing queue leaves a running Deployment as it is, and its size still follows', () => {
    const plan = planPool(aPool({ replicas: 5 }), observed(settled(aPool(), 2), { queues: missing }));
    expect(plan).toMatchObject({ steps: [{ kind: 'scale', replicas: 5 }], problem: missing });
  });

  it('a template that contradicts the controller creates nothing, and leaves a running Deployment as it is', () => {
    const pool = aPool({ replicas: 2, template: { spec: { terminationGracePeriodSeconds: 1 } } });
    const problem = { reason: 'TemplateInvalid' };
    expect(planPool(pool, observed(undefined))).toMatchObject({ steps: [], problem });
    expect(planPool(pool, observed(settled(aPool(), 2)))).toMatchObject({ steps: [], problem });
  });

  it("somebody else's Deployment is never written", () => {
    const foreign = settled();
    foreign.metadata.ownerReferences = [];
    const plan = planPool(aPool({ version: '9' }), observed(foreign));
    expect(plan).toMatchObject({ steps: [], problem: { reason: 'DeploymentExists' } });
  });

  it('the Deployment of a deleted pool of the same name is waited for', () => {
    const former = settled();
    former.metadata.ownerReferences![0]!.uid = 'former-uid';
    expect(planPool(aPool(), observed(former))).toMatchObject({ steps: [], problem: { reason: 'FormerDeployment' } });
  });

  it('a pool or Deployment that is being deleted is left alone', () => {
    const pool = aPool({ version: '9' });
    const leaving = { ...pool, metadata: { ...pool.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(planPool(leaving, observed(settled())).steps).toEqual([]);
    const deployment = settled();
    deployment.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(planPool(pool, observed(deployment)).steps).toEqual([]);
  });
});

describe('the disruption budget', () => {
  it('of a new pool is made after the Deployment', () => {
    expect(kinds(planPool(aPool(), observed(undefined, { budget: undefined })))).toEqual([
      'create',
      'scale',
      'applyBudget',
    ]);
  });

  it('that somebody deleted or changed is set back, the Deployment untouched', () => {
    expect(kinds(planPool(aPool(), observed(settled(), { budget: undefined })))).toEqual(['applyBudget']);
    const budget = desiredBudget(aPool());
    budget.spec.maxUnavailable = 0;
    expect(planPool(aPool(), observed(settled(), { budget })).steps).toMatchObject([
      { kind: 'applyBudget', drift: true },
    ]);
  });

  it('of another owner is named and left alone, and the Deployment goes on being managed', () => {
    const budget = { ...desiredBudget(aPool()), metadata: { name: 'email-workers', namespace: 'team-a' } };
    const plan = planPool(aPool({ version: '2.0.0' }), observed(settled(), { budget }));
    expect(plan).toMatchObject({
      steps: [{ kind: 'applyTemplate' }],
      problem: { reason: 'DisruptionBudgetExists' },
    });
  });

  it('stays as it is while the pool cannot be brought to its spec', () => {
    const pool = aPool({ disruptionBudget: { maxUnavailable: 3 }, template: { spec: { restartPolicy: 'Never' } } });
    expect(planPool(pool, observed(settled())).steps).toEqual([]);
  });
});

describe('the configuration', () => {
  it('replaces the pods when its hash changes', () => {
    const config = { hash: 'cafe0000' };
    const [step] = planPool(aPool(), observed(settled(), { config })).steps;
    expect(step).toMatchObject({
      kind: 'applyTemplate',
      deployment: { spec: { template: { metadata: { annotations: { 'redis-queue.io/config': 'cafe0000' } } } } },
    });
  });
});
