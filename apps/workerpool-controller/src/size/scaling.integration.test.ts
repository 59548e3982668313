import { boundedPool } from '../deployment/template/bounds.ts';
import { WORKER_POOLS } from '@redis-queue/api';
import { expect, it } from 'vitest';
import { Registry } from 'prom-client';
import { DEPLOYMENTS } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { compareFence, DECISION_ANNOTATION, type Fence } from '@redis-queue/scaling-bus';
import { eventually } from '@redis-queue/rig';
import { fenceOf } from '../deployment/replicas.ts';
import { POOL_LABEL } from '../kubernetes/names.ts';
import type { PackedDeployment } from '../kubernetes/objects.ts';
import { PoolMetrics } from '../metrics.ts';
import { controllerRig } from '../testing/controller.ts';
import { aDecision } from '../testing/objects.ts';
import { consumeDecision, type ConsumeDeps } from './consume.ts';
import { DecisionLedger } from './ledger.ts';
import { packedDeployment, unpackedDeployment } from '../kubernetes/cached-objects.ts';

const rig = controllerRig();

const auto = (minReplicas: number, maxReplicas: number) => ({
  autoscaling: { enabled: true, minReplicas, maxReplicas },
});
const dropped = async (reason: string) => {
  const text = await rig.controller.manager.registry.metrics();
  return Number(new RegExp(`decisions_dropped_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1]);
};

it('a decision becomes the size, and status, history and an event say why', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'decided', auto(0, 10));
  await rig.cluster.sized(pool, 0);
  await rig.cluster.publish(pool, { epoch: 7, sequence: 3, desiredReplicas: 4, reason: '4 replicas: 400 jobs wait' });
  const deployment = await rig.cluster.sized(pool, 4);
  expect(deployment.metadata.annotations?.[DECISION_ANNOTATION]).toBe('7.3');
  const { status } = await rig.cluster.settled(pool, 'Decided', 'ScalingActive');
  expect(status?.autoscaling).toMatchObject({
    desired: 4,
    reason: '4 replicas: 400 jobs wait',
    decision: '7.3',
    signals: [{ queue: 'emails', depth: 12, arrivalRate: 1.23, wants: 1 }],
  });
  expect(status?.autoscaling?.last?.[0]).toMatchObject({ from: 0, to: 4, reason: '4 replicas: 400 jobs wait' });
  await eventually(async () => {
    const events = await rig.cluster.eventsOf(pool);
    return events.some(({ reason, message }) => reason === 'ScaledUp' && message.includes('from 0 to 4'));
  });
});

it('a hold is reported and writes no Deployment', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'held', auto(2, 10));
  await rig.cluster.sized(pool, 2);
  await rig.cluster.settled(pool, 'WaitingForDecision', 'ScalingActive');
  // Not its annotations as a whole: Kubernetes adds one of its own.
  const ours = async () => pick((await rig.cluster.deployment(pool))?.metadata.annotations, 'redis-queue.io/');
  const before = await ours();
  await rig.cluster.publish(pool, {
    currentReplicas: 2,
    desiredReplicas: 2,
    heldBy: 'StaleData',
    reason: 'no sample for 40 s',
  });
  const { status } = await rig.cluster.settled(pool, 'StaleData', 'ScalingActive');
  expect(status?.autoscaling).toMatchObject({ heldBy: 'StaleData', reason: 'no sample for 40 s' });
  expect(before).toHaveProperty(['redis-queue.io/decision']);
  expect(await ours()).toEqual(before);
});

it('bounds of the spec hold for every decision', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'bounded', auto(1, 3));
  await rig.cluster.sized(pool, 1);
  await rig.cluster.publish(pool, { sequence: 2, desiredReplicas: 500 });
  await rig.cluster.sized(pool, 3);
  await rig.cluster.publish(pool, { sequence: 3, currentReplicas: 3, desiredReplicas: 0 });
  const { metadata } = await rig.cluster.sized(pool, 1);
  expect(metadata.annotations?.[DECISION_ANNOTATION]).toBe('1.3');
});

it('a decision for a pool whose autoscaling is off, or that is gone, changes nothing and is counted', async () => {
  const off = await rig.cluster.pool(rig.namespace, 'off', { replicas: 2 });
  await rig.cluster.sized(off, 2);
  const gone = { ...off, metadata: { ...off.metadata, uid: 'gone', name: 'gone' } } as PoolObject;
  await rig.cluster.publish(off, { desiredReplicas: 9 });
  await rig.cluster.publish(gone, { desiredReplicas: 9 });
  await eventually(async () => (await dropped('autoscaling-off')) === 1 && (await dropped('pool-gone')) === 1);
  expect((await rig.cluster.deployment(off))?.spec.replicas).toBe(2);
});

it('an expired decision changes nothing and is counted', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'expired', auto(1, 10));
  await rig.cluster.sized(pool, 1);
  await rig.cluster.publish(pool, { desiredReplicas: 9, expiresAt: 1 });
  await eventually(async () => (await dropped('expired')) === 1);
  expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(1);
});

it('of decisions that arrive twice, reordered and at once, the newest is the size in the end and the fence never goes back', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'shuffled', auto(0, 100));
  await rig.cluster.sized(pool, 0);
  await rig.cluster.settled(pool, 'WaitingForDecision', 'ScalingActive');
  const { uid = '' } = pool.metadata;
  const { manager } = rig.controller;
  const deps: ConsumeDeps = {
    sources: {
      client: rig.cluster.client,
      pools: manager.cache<PoolObject>(WORKER_POOLS, { transform: boundedPool }),
      deployments: manager.cache<PackedDeployment>(DEPLOYMENTS, {
        labelSelector: POOL_LABEL,
        transform: packedDeployment,
      }),
    },
    ledger: new DecisionLedger(),
    events: { record: () => {} },
    metrics: new PoolMetrics(new Registry()),
    log: manager.log,
    reconcileSoon: () => {},
    now: () => new Date(),
  };
  const fences: Fence[] = [];
  manager
    .cache<PackedDeployment>(DEPLOYMENTS, { labelSelector: POOL_LABEL, transform: packedDeployment })
    .onChange((_, deployment) => {
      const fence =
        deployment.metadata.namespace === rig.namespace ? fenceOf(unpackedDeployment(deployment)) : undefined;
      if (fence) fences.push(fence);
    });
  const order = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6];
  const decisions = order.map((sequence) =>
    aDecision({
      pool: { namespace: rig.namespace, name: 'shuffled', uid, generation: 1 },
      epoch: 2,
      sequence,
      currentReplicas: 0,
      desiredReplicas: sequence * 10,
    }),
  );
  const results = await Promise.allSettled(
    decisions.map((decision) => consumeDecision(decision, { nowMs: 1_000_000 }, deps)),
  );
  // What lost its race five times is delivered again by the bus.
  for (const [index, result] of results.entries()) {
    if (result.status === 'rejected') await consumeDecision(decisions[index]!, { nowMs: 1_000_000 }, deps);
  }
  const deployment = await rig.cluster.sized(pool, 90);
  expect(deployment.metadata.annotations?.[DECISION_ANNOTATION]).toBe('2.9');
  await eventually(() => fences.at(-1)?.sequence === 9);
  expect(fences).toEqual(fences.toSorted(compareFence));
});

it('a controller that was away acts on the newest decision only, and keeps the size until then', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'away', auto(0, 100));
  await rig.cluster.sized(pool, 0);
  await rig.cluster.publish(pool, { desiredReplicas: 5 });
  await rig.cluster.sized(pool, 5);
  await rig.controller.stop();
  for (const sequence of [2, 3, 4])
    await rig.cluster.publish(pool, { sequence, currentReplicas: 5, desiredReplicas: sequence * 10 });
  expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(5);
  await rig.start();
  const { metadata } = await rig.cluster.sized(pool, 40);
  expect(metadata.annotations?.[DECISION_ANNOTATION]).toBe('1.4');
  // Status follows the size.
  const sizes = await eventually(async () => {
    const last = (await rig.cluster.read(pool)).status?.autoscaling?.last?.map(({ to }) => to) ?? [];
    return last.includes(40) && last;
  });
  expect(sizes).not.toContain(20);
});

function pick(annotations: Record<string, string> = {}, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith(prefix)));
}
