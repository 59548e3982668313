import { describe, expect, it } from 'vitest';
import { keyOf } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { POD_DISRUPTION_BUDGETS } from '../kubernetes/objects.ts';
import { controllerRig } from '../testing/controller.ts';
import { deploymentThat, PATIENCE, readyMessage, workerOf } from '../testing/deployments.ts';

const rig = controllerRig();

describe('the disruption budget', () => {
  it('protects the pods from the start, follows the spec and belongs to the pool', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'kept');
    const budget = await eventually(() => rig.cluster.budget(pool), PATIENCE);
    expect(budget).toMatchObject({
      metadata: { ownerReferences: [{ kind: 'WorkerPool', name: 'kept', controller: true }] },
      spec: {
        maxUnavailable: '25%',
        selector: { matchLabels: { 'redis-queue.io/pool': 'kept' } },
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    });
    await rig.cluster.change(pool, { disruptionBudget: { maxUnavailable: 2 } });
    await eventually(async () => (await rig.cluster.budget(pool))?.spec.maxUnavailable === 2, PATIENCE);
    await rig.cluster.change(pool, { disruptionBudget: null });
    await eventually(async () => (await rig.cluster.budget(pool))?.spec.maxUnavailable === '25%', PATIENCE);
  });

  it.each<[string, object]>([
    ['its number', { spec: { maxUnavailable: 0 } }],
    ['its selector', { spec: { selector: { matchLabels: { other: '1' } } } }],
  ])('is set back when somebody has changed %s', async (_, patch) => {
    const pool = await rig.cluster.pool(rig.namespace, 'mended');
    await eventually(() => rig.cluster.budget(pool), PATIENCE);
    await rig.cluster.client.mergePatch(POD_DISRUPTION_BUDGETS, keyOf(pool), patch);
    await eventually(async () => {
      const { maxUnavailable, selector } = (await rig.cluster.budget(pool))!.spec;
      expect([maxUnavailable, selector]).toEqual(['25%', { matchLabels: { 'redis-queue.io/pool': 'mended' } }]);
      return true;
    }, PATIENCE);
  });

  it('comes back when somebody has deleted it', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'missed');
    const old = await eventually(() => rig.cluster.budget(pool), PATIENCE);
    await rig.cluster.client.delete(POD_DISRUPTION_BUDGETS, keyOf(pool));
    const fresh = await eventually(async () => {
      const now = await rig.cluster.budget(pool);
      return now?.metadata.uid !== old.metadata.uid && now;
    }, PATIENCE);
    expect(fresh.spec).toEqual(old.spec);
  });

  it('of somebody else is named and left alone, the Deployment is managed all the same, and its deletion is noticed', async () => {
    await rig.cluster.controlPlane.kubectl(
      'create',
      'poddisruptionbudget',
      'taken',
      '--selector=app=x',
      '--min-available=1',
      '-n',
      rig.namespace,
    );
    const theirs = await rig.cluster.budget({ metadata: { namespace: rig.namespace, name: 'taken' } } as PoolObject);
    const pool = await rig.cluster.pool(rig.namespace, 'taken', { replicas: 2 });
    const stalled = await rig.cluster.settled(pool, 'DisruptionBudgetExists', 'Stalled');
    expect(readyMessage(stalled)).toContain(`${rig.namespace}/taken`);
    await rig.cluster.change(pool, { version: '2.0.0' });
    await deploymentThat(rig.cluster, pool, (now) => workerOf(now)['image'] === 'registry.example/worker:2.0.0');
    expect((await rig.cluster.budget(pool))?.spec).toEqual(theirs?.spec);
    await rig.cluster.client.delete(POD_DISRUPTION_BUDGETS, keyOf(pool));
    await eventually(async () => (await rig.cluster.budget(pool))?.spec.maxUnavailable === '25%', PATIENCE);
  });
});
