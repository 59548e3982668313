import { QUEUES } from '@redis-queue/api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEPLOYMENTS, isOwnedBy, keyOf, SECRETS } from '@redis-queue/controller';
import type { PoolObject, QueueObject, SecretObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { applyStep } from './apply.ts';
import { NO_CONFIG } from './deployment/config.ts';
import { isOurSize, scaleManagerOwnsReplicas } from './deployment/replicas.ts';
import { VERSION_ANNOTATION } from './kubernetes/names.ts';
import type { Deployment, PackedDeployment } from './kubernetes/objects.ts';
import { planPool } from './plan.ts';
import type { PoolPlan } from './steps.ts';
import { resolveQueues } from './queues/resolve.ts';
import { runController, testCluster, type TestCluster } from './testing/cluster.ts';
import { packedDeployment } from './kubernetes/cached-objects.ts';

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const spec = { autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 9 } };

/** Does the first `count` steps of what is to be done for the pool now, as a controller that then dies. */
async function doSteps(pool: PoolObject, count: number): Promise<void> {
  for (let step = 0; step < count; step++) {
    // Somebody may write the Deployment between read and write (its own controller does): then repeat, as in
    // `reconcile`.
    await eventually(async () => {
      const deployment = await t.deployment(pool);
      const [next] = await planOf(pool, deployment);
      if (!next) throw new Error('there is no step to do');
      return applyStep(t.client, next, deployment);
    });
  }
}

/** What is to be done for the pool now. */
async function planOf(pool: PoolObject, deployment?: Deployment): Promise<PoolPlan['steps']> {
  return planPool(pool, {
    deployment,
    budget: await t.budget(pool),
    config: NO_CONFIG,
    queues: await queuesOf(pool),
    busConfigured: true,
    inTheWay: () => '',
    nowMs: Date.now(),
  }).steps;
}

async function queuesOf(pool: PoolObject) {
  const namespace = pool.metadata.namespace!;
  const queue = await t.client.get<QueueObject>(QUEUES, { namespace, name: 'emails' });
  const secret = await t.client.get<SecretObject>(SECRETS, { namespace, name: 'redis-credentials' });
  const permittedSecrets = new Set(['redis-credentials']);
  return resolveQueues(pool, {
    queue: () => queue,
    secrets: { reader: 'test', secret: () => secret, permittedSecrets },
  });
}

/** What has to be the same whatever happened on the way. */
async function essence(pool: PoolObject, deployment: Deployment) {
  const budget = await t.budget(pool);
  return {
    budget: budget?.spec.maxUnavailable,
    budgetIsOurs: budget !== undefined && isOwnedBy(budget, pool),
    replicas: deployment.spec.replicas,
    version: deployment.metadata.annotations?.[VERSION_ANNOTATION],
    sizeIsOurs: isOurSize(deployment) && scaleManagerOwnsReplicas(deployment),
  };
}

const SETTLED = { replicas: 3, sizeIsOurs: true, budgetIsOurs: true };

/** Every size that the Deployments of the namespace ever had, from the API server's own history. */
async function watchSizes(namespace: string) {
  const sizes = new Set<number | undefined>();
  const controller = await runController(t);
  controller.manager
    .cache<PackedDeployment>(DEPLOYMENTS, { labelSelector: 'redis-queue.io/pool', transform: packedDeployment })
    .onChange((event, { metadata, spec: { replicas } }) => {
      if (metadata.namespace === namespace && event !== 'delete') sizes.add(replicas);
    });
  return { sizes, controller };
}

it.each([0, 1, 2, 3])('a crash after %d steps of a creation ends in the same state', async (done) => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'crashed', spec);
  await doSteps(pool, done);
  const before = await t.deployment(pool);
  const budgetBefore = await t.budget(pool);
  const { sizes, controller } = await watchSizes(ns);
  await eventually(async () => {
    const now = await t.deployment(pool);
    return now && isOurSize(now) && scaleManagerOwnsReplicas(now);
  });
  const budget = await eventually(() => t.budget(pool));
  await t.settled(pool, 'Progressing');
  const after = (await t.deployment(pool))!;
  expect(await essence(pool, after)).toEqual({ ...SETTLED, budget: '25%', version: '1.0.0' });
  expect(after.metadata.uid).toBe((before ?? after).metadata.uid);
  expect(budget.metadata.uid).toBe((budgetBefore ?? budget).metadata.uid);
  expect([...sizes]).toEqual([3]);
  await controller.stop();
});

it.each([
  ['before the hand-over of the size', 1, 0],
  ['before the hand-over, with a crash between it and the template', 1, 1],
  ['after the hand-over', 2, 0],
  ['after the hand-over, with a crash after the template', 2, 1],
  ['with everything made, with a crash between the template and the budget', 3, 1],
  ['with everything made, with a crash after the budget', 3, 2],
])('a new version never resets the size: changed %s', async (_, created, doneOfUpdate) => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'crashed', spec);
  await doSteps(pool, created);
  const changed = await t.change(pool, { version: '2.0.0', disruptionBudget: { maxUnavailable: 2 } });
  await doSteps(changed, doneOfUpdate);
  const { sizes, controller } = await watchSizes(ns);
  await eventually(async () => {
    const now = await t.deployment(pool);
    return now?.metadata.annotations?.[VERSION_ANNOTATION] === '2.0.0' && isOurSize(now);
  });
  await t.change(pool, { version: '3.0.0' });
  const last = await eventually(async () => {
    const now = await t.deployment(pool);
    return now?.metadata.annotations?.[VERSION_ANNOTATION] === '3.0.0' && now;
  });
  await eventually(async () => (await t.budget(pool))?.spec.maxUnavailable === 2);
  expect(await essence(pool, last)).toEqual({ ...SETTLED, budget: 2, version: '3.0.0' });
  expect([...sizes]).toEqual([3]);
  await controller.stop();
});

it('a crash between what was refused and the budget after it leaves both as they were', async () => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'refused', spec);
  await doSteps(pool, 3);
  const before = [(await t.deployment(pool))?.spec, (await t.budget(pool))?.spec];
  const template = { spec: { containers: [{ name: 'worker', imagePullPolicy: 'Sometimes' }] } };
  const changed = await t.change(pool, { template, disruptionBudget: { maxUnavailable: 2 } });
  const { controller } = await watchSizes(ns);
  await t.settled(changed, 'TemplateInvalid');
  await controller.stop();
  const again = await watchSizes(ns);
  await eventually(async () => (await again.controller.refused()) > 0);
  expect([(await t.deployment(pool))?.spec, (await t.budget(pool))?.spec]).toEqual(before);
  await again.controller.stop();
});

it('steps that were planned on a Deployment that somebody deleted or re-created since are refused', async () => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'gone', spec);
  await doSteps(pool, 2);
  const stale = (await t.deployment(pool))!;
  const fence = { epoch: 1, sequence: 1 };
  const scale = () => applyStep(t.client, { kind: 'scale', replicas: 5, fence, reason: '' }, stale);
  const template = () =>
    applyStep(t.client, { kind: 'applyTemplate', deployment: builtOf(stale), drift: false }, stale);
  await t.client.delete(DEPLOYMENTS, keyOf(pool));
  await eventually(async () => (await t.deployment(pool)) === undefined);
  await expect(scale()).rejects.toMatchObject({ code: 409 });
  await expect(template()).rejects.toMatchObject({ code: 409 });
  expect(await t.deployment(pool)).toBeUndefined();
  await doSteps(pool, 2);
  await expect(scale()).rejects.toMatchObject({ code: 409 });
  await expect(template()).rejects.toMatchObject({ code: 409 });
  expect((await t.deployment(pool))?.spec.replicas).toBe(3);
});

// Wall 5: what a former leader has sent may arrive after its successor's writes.
it('a creation that arrives late changes nothing of what was written since', async () => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'late', spec);
  const steps = await planOf(pool);
  await doSteps(pool, 3);
  await doSteps(await t.change(pool, { version: '2.0.0', disruptionBudget: { maxUnavailable: 2 } }), 2);
  const before = [(await t.deployment(pool))!, (await t.budget(pool))!];
  expect(before[0]!.metadata.annotations?.[VERSION_ANNOTATION]).toBe('2.0.0');
  for (const step of steps.filter(({ kind }) => kind === 'create' || kind === 'applyBudget')) {
    await expect(applyStep(t.client, step, undefined)).rejects.toMatchObject({ code: 409 });
  }
  const after = [(await t.deployment(pool))!, (await t.budget(pool))!];
  expect(after.map(({ metadata, spec: now }) => [metadata.generation, metadata.annotations, now])).toEqual(
    before.map(({ metadata, spec: now }) => [metadata.generation, metadata.annotations, now]),
  );
});

/** The Deployment without what only the API server writes. */
function builtOf({
  apiVersion,
  kind,
  metadata: { name, namespace, labels },
  spec: { selector, template },
}: Deployment): Deployment {
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }) },
    spec: { selector, template },
  };
}
