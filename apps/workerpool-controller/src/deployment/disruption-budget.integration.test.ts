import { describe, expect, it } from 'vitest';
import { keyOf } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { POD_DISRUPTION_BUDGETS } from '../kubernetes/objects.ts';
import { ns, t } from '../testing/controller.ts';
import { deploymentThat, PATIENCE, readyMessage, workerOf } from '../testing/deployments.ts';

describe('the disruption budget', () => {
  it('protects the pods from the start, follows the spec and belongs to the pool', async () => {
    const pool = await t.pool(ns, 'kept');
    const budget = await eventually(() => t.budget(pool), PATIENCE);
    expect(budget).toMatchObject({
      metadata: { ownerReferences: [{ kind: 'WorkerPool', name: 'kept', controller: true }] },
      spec: {
        maxUnavailable: '25%',
        selector: { matchLabels: { 'redis-queue.io/pool': 'kept' } },
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    });
    await t.change(pool, { disruptionBudget: { maxUnavailable: 2 } });
    await eventually(async () => (await t.budget(pool))?.spec.maxUnavailable === 2, PATIENCE);
    await t.change(pool, { disruptionBudget: null });
    await eventually(async () => (await t.budget(pool))?.spec.maxUnavailable === '25%', PATIENCE);
  });

  it.each<[string, object]>([
    ['its number', { spec: { maxUnavailable: 0 } }],
    ['its selector', { spec: { selector: { matchLabels: { other: '1' } } } }],
  ])('is set back when somebody has changed %s', async (_, patch) => {
    const pool = await t.pool(ns, 'mended');
    await eventually(() => t.budget(pool), PATIENCE);
    await t.client.mergePatch(POD_DISRUPTION_BUDGETS, keyOf(pool), patch);
    await eventually(async () => {
      const { maxUnavailable, selector } = (await t.budget(pool))!.spec;
      expect([maxUnavailable, selector]).toEqual(['25%', { matchLabels: { 'redis-queue.io/pool': 'mended' } }]);
      return true;
    }, PATIENCE);
  });

  it('comes back when somebody has deleted it', async () => {
    const pool = await t.pool(ns, 'missed');
    const old = await eventually(() => t.budget(pool), PATIENCE);
    await t.client.delete(POD_DISRUPTION_BUDGETS, keyOf(pool));
    const fresh = await eventually(async () => {
      const now = await t.budget(pool);
      return now?.metadata.uid !== old.metadata.uid && now;
    }, PATIENCE);
    expect(fresh.spec).toEqual(old.spec);
  });

  it('of somebody else is named and left alone, the Deployment is managed all the same, and its going is noticed', async () => {
    await t.cluster.kubectl(
      'create',
      'poddisruptionbudget',
      'taken',
      '--selector=app=x',
      '--min-available=1',
      '-n',
      ns,
    );
    const theirs = await t.budget({ metadata: { namespace: ns, name: 'taken' } } as PoolObject);
    const pool = await t.pool(ns, 'taken', { replicas: 2 });
    const stalled = await t.settled(pool, 'DisruptionBudgetExists', 'Stalled');
    expect(readyMessage(stalled)).toContain(`${ns}/taken`);
    await t.change(pool, { version: '2.0.0' });
    await deploymentThat(t, pool, (now) => workerOf(now)['image'] === 'registry.example/worker:2.0.0');
    expect((await t.budget(pool))?.spec).toEqual(theirs?.spec);
    await t.client.delete(POD_DISRUPTION_BUDGETS, keyOf(pool));
    await eventually(async () => (await t.budget(pool))?.spec.maxUnavailable === '25%', PATIENCE);
  });
});
