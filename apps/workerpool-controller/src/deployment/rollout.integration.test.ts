import { QUEUES, type WorkerPoolStatus } from '@redis-queue/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findCondition, SECRETS } from '@redis-queue/controller';
import type { PoolObject, QueueObject, SecretObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { applyStep } from '../apply.ts';
import { VERSION_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { planPool } from '../plan.ts';
import { resolveQueues } from '../queues/resolve.ts';
import { playKubelet, type ContainerState } from '../testing/kubelet.ts';
import { runController, testCluster, type RunningController, type TestCluster } from '../testing/cluster.ts';
import { NO_CONFIG } from './config.ts';
import { ROLLED_BACK_ANNOTATION } from './rollout.ts';

let t: TestCluster;
let ns: string;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());
beforeEach(async () => {
  ns = await t.namespace();
});

const SLOW = { timeoutMs: 60_000 };
const TIMEOUT = { timeout: 180_000 };

/** Plays kubelet until status is as expected. */
function until(
  pool: PoolObject,
  states: Record<string, ContainerState>,
  holds: (status: WorkerPoolStatus) => unknown,
): Promise<WorkerPoolStatus> {
  return eventually(async () => {
    await playKubelet(t.client, ns, states);
    const { status = {} } = await t.read(pool);
    if (holds(status)) return status;
    throw new Error(JSON.stringify(status));
  }, SLOW);
}
const phase = (wanted: string) => (status: WorkerPoolStatus) => status.rollout?.phase === wanted;
const readyOf = (status: WorkerPoolStatus) => findCondition(status.conditions, 'Ready');
const runs = (version: string) => (status: WorkerPoolStatus) =>
  status.currentVersion === version && readyOf(status)?.reason === 'RolledOut';

const NO_IMAGE = { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } };
const LOOP = { waiting: { reason: 'CrashLoopBackOff' } };
const SHORT = { progressDeadline: '10s' };
const versionOf = (deployment: Deployment | undefined) => deployment?.metadata.annotations?.[VERSION_ANNOTATION];
const reasonsOf = async (pool: PoolObject) => (await t.eventsOf(pool)).map(({ reason }) => reason);

/** A pool whose version 1 works. */
async function working(name: string, spec: object): Promise<PoolObject> {
  const pool = await t.pool(ns, name, { version: '1', replicas: 2, rollout: SHORT, ...spec });
  await until(pool, { 1: 'ready' }, runs('1'));
  return pool;
}

describe('a version whose pods do not get ready in time', () => {
  let controller: RunningController;
  beforeEach(async () => {
    controller = await runController(t);
    return () => controller.stop();
  });

  it('is reported with what is in the way, and a version that works heals the pool', TIMEOUT, async () => {
    const pool = await working('reported', {});
    await t.change(pool, { version: '2' });
    const progressing = await until(
      pool,
      { 2: NO_IMAGE },
      (status) => status.blockedReplicas && status.rollout?.updatedReplicas === 1,
    );
    expect(progressing).toMatchObject({
      currentVersion: '1',
      rollout: { version: '2', phase: 'Progressing', updatedReplicas: 1, readyReplicas: 2, replicas: 2 },
      blockedReplicas: { imageFailing: 1 },
    });
    const failed = await until(pool, { 2: NO_IMAGE }, phase('Failed'));
    expect(readyOf(failed)).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: expect.stringMatching(/version 2 .* 10s.*no such tag.*back to 1/) as string,
    });
    expect(failed).toMatchObject({ lastGoodVersion: '1', readyReplicas: 2 });
    expect(failed.rollout?.startedAt).toBe(progressing.rollout?.startedAt);
    await t.change(pool, { version: '3' });
    const healed = await until(pool, { 3: 'ready' }, runs('3'));
    expect([healed.lastGoodVersion, healed.rollout, healed.blockedReplicas]).toEqual(['3', undefined, undefined]);
    await eventually(async () => {
      const reasons = await reasonsOf(pool);
      return ['ImageFailing', 'ProgressDeadlineExceeded', 'RolloutComplete'].every((reason) =>
        reasons.includes(reason),
      );
    });
  });

  it('is rolled back with autoRollback, stays so, and the next one is tried', TIMEOUT, async () => {
    const pool = await working('back', { rollout: { ...SHORT, autoRollback: true } });
    const changed = await t.change(pool, { version: '2' });
    const back = await until(pool, { 2: LOOP }, (status) => phase('RolledBack')(status) && status.replicas === 2);
    expect(back).toMatchObject({
      currentVersion: '1',
      lastGoodVersion: '1',
      readyReplicas: 2,
      rollout: { version: '2' },
    });
    expect(readyOf(back)).toMatchObject({ status: 'False', reason: 'RolledBack', observedGeneration: 2 });
    expect(readyOf(back)?.message).toMatch(/Version 2 was rolled back, 1 runs.*within 10s.*crash loop.*exit code 3/);
    expect(findCondition(back.conditions, 'Stalled')?.reason).toBe('RolledBack');
    expect(changed.metadata.generation).toBe(2);

    // It stays, also for a controller that knows nothing but what is stored, and that one writes nothing.
    const before = await t.deployment(pool);
    await controller.stop();
    controller = await runController(t);
    await eventually(async () =>
      /reconcile_total\{[^}]*result="success"[^}]*\} [1-9]/.test(await controller.manager.registry.metrics()),
    );
    expect((await t.deployment(pool))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);

    await t.change(pool, { version: '3' });
    await until(pool, { 3: 'ready' }, runs('3'));
    expect((await t.deployment(pool))?.metadata.annotations).not.toHaveProperty(ROLLED_BACK_ANNOTATION);
    // Events are sent after the status is written.
    await eventually(async () => (await reasonsOf(pool)).includes('RolledBack'));
    expect((await reasonsOf(pool)).filter((reason) => reason === 'RolledBack')).toHaveLength(1);
  });

  it('an exceeded deadline is not held against an earlier version that comes next', TIMEOUT, async () => {
    const pool = await working('earlier', {});
    await t.change(pool, { version: '2' });
    await until(pool, { 2: 'ready' }, runs('2'));
    await t.change(pool, { version: '3' });
    await until(pool, { 3: LOOP }, phase('Failed'));
    // Its ReplicaSet exists: the Deployment controller keeps the deadline of version 3 until that makes progress.
    await t.change(pool, { version: '1', rollout: { ...SHORT, autoRollback: true } });
    await until(pool, { 1: 'ready' }, runs('1'));
    expect(await reasonsOf(pool)).not.toContain('RolledBack');
  });

  it('is rolled back too when it came in while the pool had no pods', TIMEOUT, async () => {
    const pool = await working('asleep', { rollout: { ...SHORT, autoRollback: true } });
    await t.change(pool, { replicas: 0 });
    await until(pool, {}, (status) => status.replicas === 0 && status.desiredReplicas === 0);
    await t.change(pool, { version: '2' });
    const asleep = await until(pool, {}, (status) => status.currentVersion === '2');
    expect([asleep.lastGoodVersion, asleep.rollout]).toEqual(['1', undefined]);
    await t.change(pool, { replicas: 2 });
    await until(pool, { 2: LOOP, 1: 'ready' }, (status) => phase('RolledBack')(status) && status.readyReplicas === 2);
    expect(versionOf(await t.deployment(pool))).toBe('1');
  });

  it('a template that does not work with the same version is reported and not rolled back', TIMEOUT, async () => {
    const pool = await working('same', { rollout: { ...SHORT, autoRollback: true } });
    await t.change(pool, { concurrency: 20 });
    // The old pods and the new ones have one image: only those that are not ready yet fail.
    const failed = await until(pool, {}, phase('Failed'));
    expect(readyOf(failed)?.message).toContain('not rolled back');
    expect((await t.deployment(pool))?.metadata.annotations).not.toHaveProperty(ROLLED_BACK_ANNOTATION);
  });
});

async function queuesOf(pool: PoolObject) {
  const queue = await t.client.get<QueueObject>(QUEUES, { namespace: ns, name: 'emails' });
  const secret = await t.client.get<SecretObject>(SECRETS, { namespace: ns, name: 'redis-credentials' });
  return resolveQueues(pool, {
    queue: () => queue,
    secrets: { reader: 'test', secret: () => secret, permittedSecrets: new Set(['redis-credentials']) },
  });
}
/** What a controller would do now, and its first `count` steps done. */
async function doSteps(pool: PoolObject, count: number): Promise<string[]> {
  const deployment = await t.deployment(pool);
  const { steps } = planPool(await t.read(pool), {
    deployment,
    budget: await t.budget(pool),
    config: NO_CONFIG,
    queues: await queuesOf(pool),
    busConfigured: true,
    inTheWay: () => 'In the way.',
    nowMs: Date.now(),
  });
  for (const step of steps.slice(0, count)) await applyStep(t.client, step, deployment);
  return steps.map(({ kind }) => kind);
}

describe('a crash on the way back', () => {
  it.each([
    ['between detection and apply', 0],
    ['between apply and status', 1],
  ])('%s ends in the same state', TIMEOUT, async (_, done) => {
    const first = await runController(t);
    const pool = await working('crashed', {});
    await t.change(pool, { version: '2' });
    await until(pool, { 2: LOOP }, phase('Failed'));
    await first.stop();
    const changed = await t.change(pool, { rollout: { ...SHORT, autoRollback: true } });
    // The Deployment controller may write between our read and the apply, which is refused then and changes nothing.
    expect(await eventually(() => doSteps(changed, done))).toEqual(['applyTemplate']);

    const second = await runController(t);
    await until(pool, { 2: LOOP, 1: 'ready' }, phase('RolledBack'));
    const deployment = await t.deployment(pool);
    expect([versionOf(deployment), deployment?.spec.replicas]).toEqual(['1', 2]);
    expect(deployment?.metadata.annotations).toHaveProperty([ROLLED_BACK_ANNOTATION]);
    // Events are sent after the status is written.
    await eventually(async () => (await reasonsOf(pool)).includes('RolledBack'));
    expect((await reasonsOf(pool)).filter((reason) => reason === 'RolledBack')).toHaveLength(1);
    expect(await doSteps(changed, 0)).toEqual([]);
    await second.stop();
  });
});
