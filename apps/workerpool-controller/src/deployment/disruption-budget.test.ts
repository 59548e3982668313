import { describe, expect, it } from 'vitest';
import { aPool } from '../testing/objects.ts';
import { desiredBudget, planBudget } from './disruption-budget.ts';

describe('the budget of a pool', () => {
  it.each<[string, { maxUnavailable: number | string } | undefined, number | string]>([
    ['lets a quarter of the pods go when nothing is said', undefined, '25%'],
    ['lets as many go as the pool says', { maxUnavailable: 3 }, 3],
  ])('%s', (_, disruptionBudget, expected) => {
    const { spec } = desiredBudget(aPool(disruptionBudget ? { disruptionBudget } : {}));
    expect(spec).toEqual({
      maxUnavailable: expected,
      selector: { matchLabels: { 'redis-queue.io/pool': 'email-workers' } },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
  });
});

describe('what has to change', () => {
  const wanted = desiredBudget(aPool());

  it('is nothing when the budget holds, whatever others added to it', () => {
    const { metadata, ...rest } = structuredClone(wanted);
    const live = {
      ...rest,
      metadata: { ...metadata, labels: { ...metadata.labels, added: '1' }, uid: 'b', generation: 4 },
    };
    expect(planBudget(aPool(), live)).toBeUndefined();
  });

  it('is the budget, as a change of the spec or as drift', () => {
    const other = aPool({ disruptionBudget: { maxUnavailable: 3 } });
    expect(planBudget(other, wanted)).toMatchObject({ kind: 'applyBudget', drift: false });
    const loosened = { ...wanted, spec: { ...wanted.spec, maxUnavailable: '100%' } };
    expect(planBudget(aPool(), loosened)).toMatchObject({ kind: 'applyBudget', drift: true, live: loosened });
    const narrowed = {
      ...wanted,
      spec: { ...wanted.spec, selector: { matchLabels: { 'redis-queue.io/pool': 'email-workers', a: 'b' } } },
    };
    expect(planBudget(aPool(), narrowed)).toMatchObject({ kind: 'applyBudget', drift: true });
  });

  it('is nothing while one that is ours, or of a deleted pool of this name, is being removed', () => {
    const leaving = { ...wanted, metadata: { ...wanted.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(planBudget(aPool(), leaving)).toBeUndefined();
    const former = structuredClone(wanted);
    former.metadata.ownerReferences![0]!.uid = 'former-uid';
    expect(planBudget(aPool(), former)).toBeUndefined();
  });

  it('is reported when the budget of that name is somebody else’s', () => {
    const theirs = { ...wanted, metadata: { name: 'email-workers', namespace: 'team-a' } };
    expect(planBudget(aPool(), theirs)).toMatchObject({
      reason: 'DisruptionBudgetExists',
      message: expect.stringContaining('team-a/email-workers exists and is owned by nobody') as string,
    });
  });
});
