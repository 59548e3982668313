import { QUEUES } from '@redis-queue/api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEPLOYMENTS, keyOf, SECRETS } from '@redis-queue/controller';
import { eventually } from '@redis-queue/testing';
import { applyStep } from './apply.ts';
import { planPool } from './plan.ts';
import { resolveQueues } from './queues.ts';
import { isOurSize, scaleManagerOwnsReplicas } from './replicas.ts';
import { VERSION_ANNOTATION, type Deployment, type PoolObject, type Secret } from './resources.ts';
import { runController, testCluster, type TestCluster } from './test-cluster.ts';
import type { QueueObject } from './observe.ts';

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const spec = { autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 9 } };

/** Does the first `count` steps of what is to be done for the pool now, as a controller that then dies. */
async function doSteps(pool: PoolObject, count: number): Promise<void> {
  for (let step = 0; step < count; step++) {
    // Somebody may write the Deployment between look and write (its own controller does): then again, as in `reconcile`.
    await eventually(async () => {
      const deployment = await t.deployment(pool);
      const [next] = planPool(pool, { deployment, queues: await queuesOf(pool), nowMs: Date.now() }).steps;
      if (!next) throw new Error('there is no step to do');
      return applyStep(t.client, next, deployment);
    });
  }
}

async function queuesOf(pool: PoolObject) {
  const namespace = pool.metadata.namespace!;
  const queue = await t.client.get<QueueObject>(QUEUES, { namespace, name: 'emails' });
  const secret = await t.client.get<Secret>(SECRETS, { namespace, name: 'redis-credentials' });
  const permittedSecrets = new Set(['redis-credentials']);
  return resolveQueues(pool, { queue: () => queue, secret: () => secret, permittedSecrets });
}

/** What has to be the same whatever happened on the way. */
function essence(deployment: Deployment) {
  return {
    replicas: deployment.spec.replicas,
    version: deployment.metadata.annotations?.[VERSION_ANNOTATION],
    sizeIsOurs: isOurSize(deployment) && scaleManagerOwnsReplicas(deployment),
  };
}

/** Every size that the Deployments of the namespace ever had, from the API server's own history. */
function watchSizes(namespace: string) {
  const sizes = new Set<number | undefined>();
  const controller = runController(t);
  controller.manager
    .cache<Deployment>(DEPLOYMENTS, { labelSelector: 'redis-queue.io/pool' })
    .onChange((event, { metadata, spec: { replicas } }) => {
      if (metadata.namespace === namespace && event !== 'delete') sizes.add(replicas);
    });
  return { sizes, controller };
}

it.each([0, 1, 2])('a crash after %d steps of a creation ends in the same state', async (done) => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'crashed', spec);
  await doSteps(pool, done);
  const before = await t.deployment(pool);
  const { sizes, controller } = watchSizes(ns);
  await eventually(async () => {
    const now = await t.deployment(pool);
    return now && isOurSize(now) && scaleManagerOwnsReplicas(now);
  });
  await t.settled(pool, 'Progressing');
  const after = (await t.deployment(pool))!;
  expect(essence(after)).toEqual({ replicas: 3, version: '1.0.0', sizeIsOurs: true });
  expect(after.metadata.uid).toBe((before ?? after).metadata.uid);
  expect([...sizes]).toEqual([3]);
  await controller.stop();
});

it.each([
  ['before the hand-over of the size', 1, 0],
  ['before the hand-over, with a crash between it and the template', 1, 1],
  ['after the hand-over', 2, 0],
  ['after the hand-over, with a crash after the template', 2, 1],
])('a new version never resets the size: changed %s', async (_, created, doneOfUpdate) => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'crashed', spec);
  await doSteps(pool, created);
  const changed = await t.change(pool, { version: '2.0.0' });
  await doSteps(changed, doneOfUpdate);
  const { sizes, controller } = watchSizes(ns);
  await eventually(async () => {
    const now = await t.deployment(pool);
    return now?.metadata.annotations?.[VERSION_ANNOTATION] === '2.0.0' && isOurSize(now);
  });
  await t.change(pool, { version: '3.0.0' });
  const last = await eventually(async () => {
    const now = await t.deployment(pool);
    return now?.metadata.annotations?.[VERSION_ANNOTATION] === '3.0.0' && now;
  });
  expect(essence(last)).toEqual({ replicas: 3, version: '3.0.0', sizeIsOurs: true });
  expect([...sizes]).toEqual([3]);
  await controller.stop();
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
