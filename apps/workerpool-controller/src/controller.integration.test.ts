import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { DEPLOYMENTS, keyOf } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { SECRET_ANNOTATION } from './kubernetes/names.ts';
import type { Deployment } from './kubernetes/objects.ts';
import { controller, ns, startController, t } from './testing/controller.ts';

const declareSize = ({ metadata: { name } }: PoolObject, spec: object) =>
  t.client.apply(DEPLOYMENTS, { metadata: { namespace: ns, name }, spec }, { fieldManager: 'gitops', force: true });
const reconciled = async () => {
  const page = await controller.manager.registry.metrics();
  return Number(/controller_runtime_reconcile_total\{[^}]*result="success"[^}]*\} (\d+)/.exec(page)?.[1]);
};
const auto = (minReplicas: number, maxReplicas: number) => ({
  autoscaling: { enabled: true, minReplicas, maxReplicas },
});

interface PodTemplate {
  metadata: { annotations: Record<string, string> };
  spec: { containers: { image: string; env: { name: string; value?: string }[] }[] };
}
const templateOf = (deployment: Deployment | undefined) => deployment?.spec['template'] as PodTemplate;
const imageOf = (deployment: Deployment | undefined) => templateOf(deployment)?.spec.containers[0]?.image;

describe('the life of a pool', () => {
  it('creates pods, tells when they are ready, and follows a new version', async () => {
    const pool = await t.pool(ns, 'life', { replicas: 2 });
    await t.sized(pool, 2);
    await t.settled(pool, 'Progressing');
    await eventually(async () => (await t.read(pool)).status?.replicas === 2);
    await t.podsReady(ns);
    const ready = await t.settled(pool, 'Available');
    expect(ready.status).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      desiredReplicas: 2,
      readyReplicas: 2,
      selector: 'redis-queue.io/pool=life',
      currentVersion: '1.0.0',
      lastGoodVersion: '1.0.0',
    });
    expect(ready.status?.conditions?.map(({ type, status }) => `${type}=${status}`).toSorted()).toEqual([
      'Ready=True',
      'ScalingActive=False',
    ]);

    await t.change(pool, { version: '2.0.0' });
    await eventually(async () => imageOf(await t.deployment(pool)) === 'registry.example/worker:2.0.0');
    await t.settled(pool, 'Progressing');
    expect((await t.read(pool)).status?.currentVersion).toBe('1.0.0');
    await eventually(async () => {
      await t.podsReady(ns);
      return (await t.read(pool)).status?.currentVersion === '2.0.0';
    });
  });

  it('passes the restricted Pod Security standard', async () => {
    await t.cluster.kubectl('label', 'namespace', ns, 'pod-security.kubernetes.io/enforce=restricted');
    const pool = await t.pool(ns, 'restricted', { replicas: 1 });
    const status = await eventually(async () => {
      const now = (await t.read(pool)).status;
      return now?.replicas === 1 && now;
    });
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('Progressing');
  });

  it('a change of size is told at once', async () => {
    const pool = await t.pool(ns, 'followed', { replicas: 1 });
    await eventually(async () => (await t.read(pool)).status?.replicas === 1);
    await t.change(pool, { replicas: 3 });
    const three = await eventually(async () => {
      const { status } = await t.read(pool);
      return status?.replicas === 3 && status.desiredReplicas === 3 && status;
    });
    expect(three.autoscaling?.last).toMatchObject([{ from: 1, to: 3, reason: 'spec.replicas is 3' }]);
  });
});

describe('what the pool needs', () => {
  it('a missing Queue is named, and the pool starts once it is there', async () => {
    const pool = await t.pool(ns, 'waiting', { queues: ['emails', 'later'] });
    const blocked = await t.settled(pool, 'QueueNotFound');
    expect(blocked.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain('"later"');
    expect(await t.deployment(pool)).toBeUndefined();
    await t.queue(ns, 'later', { name: 'other-name', redis: { prefix: 'jobs' } });
    const deployment = await t.sized(pool, 1);
    const { env } = templateOf(deployment).spec.containers[0]!;
    expect(JSON.parse(env.find(({ name }) => name === 'RQ_QUEUES')!.value!)).toEqual([
      { queue: 'emails', name: 'emails', prefix: 'bull' },
      { queue: 'later', name: 'other-name', prefix: 'jobs' },
    ]);
  });

  it('a Queue that goes leaves the pods running, and is named', async () => {
    const pool = await t.pool(ns, 'left', { replicas: 2 });
    await t.sized(pool, 2);
    await t.client.delete(QUEUES, { namespace: ns, name: 'emails' });
    await t.settled(pool, 'QueueNotFound');
    expect((await t.deployment(pool))?.spec.replicas).toBe(2);
  });

  it('a changed Secret replaces the pods, and its content is nowhere but in it', async () => {
    const pool = await t.pool(ns, 'rotated');
    const before = templateOf(await t.sized(pool, 1)).metadata.annotations[SECRET_ANNOTATION];
    await t.secret(ns, { 'redis-host': 'redis', 'redis-password': 'hunter3' });
    await eventually(async () => {
      const { annotations } = templateOf(await t.deployment(pool)).metadata;
      return annotations[SECRET_ANNOTATION] !== before;
    });
    const everything = JSON.stringify([
      await t.deployment(pool),
      await t.read(pool),
      await t.eventsOf(pool),
      controller.lines,
    ]);
    expect(everything).not.toMatch(/hunter|aHVudGVy/);
  });

  it('a Secret that appears later is picked up', async () => {
    await t.queue(ns, 'elsewhere', { redis: { secretRef: { name: 'second' } } });
    const pool = await t.pool(ns, 'secretless', { queues: ['elsewhere'] });
    await t.settled(pool, 'SecretNotFound');
    await t.secret(ns, { 'redis-host': 'redis' }, 'second');
    const { env } = templateOf(await t.sized(pool, 1)).spec.containers[0]!;
    expect(JSON.stringify(env)).toContain('"name":"second"');
  });

  it.each([
    ['SecretNotPermitted', { redis: { secretRef: { name: 'private' } } }, ['odd']],
    ['MixedRedis', { redis: { secretRef: { name: 'second' } } }, ['emails', 'odd']],
  ])('%s stalls the pool', async (reason, spec, queues) => {
    await t.queue(ns, 'odd', spec);
    const pool = await t.pool(ns, 'stalled', { queues });
    const stalled = await t.settled(pool, reason, 'Stalled');
    expect(stalled.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason });
    await eventually(async () => (await t.eventsOf(pool)).some((event) => event.reason === reason));
  });

  it('a Deployment that the API server refuses stalls the pool with its words, and a correction heals it', async () => {
    const pool = await t.pool(ns, 'invalid', { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } });
    const stalled = await t.settled(pool, 'TemplateInvalid', 'Stalled');
    expect(stalled.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toMatch(
      /must be less than or equal to cpu limit/,
    );
    await t.change(pool, { resources: { requests: { cpu: '1' } } });
    await t.sized(pool, 1);
  });
});

describe('what others do', () => {
  it('a Deployment of the same name that belongs to nobody is never written, and its going is noticed', async () => {
    await t.cluster.kubectl('create', 'deployment', 'taken', '--image=other:1', '--replicas=4', '-n', ns);
    const pool = await t.pool(ns, 'taken');
    await t.settled(pool, 'DeploymentExists', 'Stalled');
    const foreign = await t.deployment(pool);
    expect([foreign?.spec.replicas, imageOf(foreign), foreign?.metadata.ownerReferences]).toEqual([
      4,
      'other:1',
      undefined,
    ]);
    await t.client.delete(DEPLOYMENTS, keyOf(pool));
    // Nothing tells of a Deployment without our label: it is looked at again after a while.
    await eventually(async () => imageOf(await t.deployment(pool)) === 'registry.example/worker:1.0.0', {
      timeoutMs: 25_000,
    });
  });

  it('a field of ours that somebody changed is set back, and what they added stays', async () => {
    const pool = await t.pool(ns, 'drifted');
    await t.sized(pool, 1);
    await t.cluster.kubectl('set', 'image', 'deployment/drifted', 'worker=evil:1', '-n', ns);
    await t.cluster.kubectl('set', 'env', 'deployment/drifted', 'ADDED=1', '-n', ns);
    await eventually(async () => imageOf(await t.deployment(pool)) === 'registry.example/worker:1.0.0');
    const { env } = templateOf(await t.deployment(pool)).spec.containers[0]!;
    expect(env.some(({ name }) => name === 'ADDED')).toBe(true);
  });

  it('a Deployment that is deleted by hand comes back with its size and its fence', async () => {
    const pool = await t.pool(ns, 'deleted', auto(0, 10));
    await t.sized(pool, 0);
    await t.publish(pool, { epoch: 5, desiredReplicas: 4 });
    await t.sized(pool, 4);
    await eventually(async () => (await t.read(pool)).status?.autoscaling?.decision === '5.1');
    await eventually(async () => (await t.read(pool)).status?.desiredReplicas === 4);
    const old = await t.deployment(pool);
    await t.client.delete(DEPLOYMENTS, keyOf(pool));
    await eventually(async () => {
      const now = await t.deployment(pool);
      return now && now.metadata.uid !== old?.metadata.uid && now.metadata.annotations?.[DECISION_ANNOTATION] === '5.1';
    });
    expect((await t.deployment(pool))?.spec.replicas).toBe(4);
  });

  it('kubectl scale of the pool is obeyed without autoscaling, and refused with it', async () => {
    const byHand = await t.pool(ns, 'by-hand', { replicas: 1 });
    const sized = await t.pool(ns, 'sized', auto(2, 5));
    await t.sized(sized, 2);
    await t.cluster.kubectl('scale', 'workerpool/by-hand', '--replicas=3', '-n', ns);
    await t.sized(byHand, 3);
    await expect(t.cluster.kubectl('scale', 'workerpool/sized', '--replicas=3', '-n', ns)).rejects.toThrow(
      /autoscaler sizes the pool/,
    );
  });

  it('another writer of the size is named and not fought, and the size is ours again once it writes what we wrote', async () => {
    const pool = await t.pool(ns, 'contested', auto(0, 10));
    await t.sized(pool, 0);
    await t.cluster.kubectl('scale', 'deployment/contested', '--replicas=6', '-n', ns);
    const contested = await t.settled(pool, 'ReplicasContested', 'ScalingActive');
    expect(contested.status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message).toContain('kubectl');
    await t.publish(pool, { desiredReplicas: 2 });
    await eventually(() =>
      controller.lines.some((line) => line.includes('decision dropped') && line.includes('contested')),
    );
    expect((await t.deployment(pool))?.spec.replicas).toBe(6);
    await t.cluster.kubectl('scale', 'deployment/contested', '--replicas=0', '-n', ns);
    await t.settled(pool, 'WaitingForDecision', 'ScalingActive');
    await t.publish(pool, { sequence: 2, desiredReplicas: 2 });
    await t.sized(pool, 2);
  });

  it('one that declares the size by server-side apply is left alone until it lets go', async () => {
    const pool = await t.pool(ns, 'declared', auto(3, 10));
    await t.sized(pool, 3);
    await declareSize(pool, { replicas: 7 });
    const contested = await t.settled(pool, 'ReplicasContested', 'ScalingActive');
    expect(contested.status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message).toContain('gitops');
    await declareSize(pool, {});
    await t.settled(pool, 'WaitingForDecision', 'ScalingActive');
    expect((await t.deployment(pool))?.spec.replicas).toBeGreaterThanOrEqual(3);
  });
});

it('without a bus, a pool with autoscaling keeps its size and says so, and bounds still hold', async () => {
  await controller.stop();
  startController({ bus: false });
  const pool = await t.pool(ns, 'busless', auto(1, 5));
  await t.sized(pool, 1);
  const waiting = await t.settled(pool, 'WaitingForDecision', 'ScalingActive');
  expect(waiting.status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message).toContain('No bus');
  await t.change(pool, { autoscaling: { minReplicas: 3 } });
  await t.sized(pool, 3);
});

it('a settled pool is silent: a restart and a look at everything write nothing', async () => {
  const pool = await t.pool(ns, 'silent', { replicas: 1, resources: { requests: { cpu: '1000m', memory: '0.5Gi' } } });
  const other = await t.pool(ns, 'silent-too', auto(1, 3));
  await eventually(
    async () => (await t.read(pool)).status?.replicas === 1 && (await t.read(other)).status?.replicas === 1,
  );
  await t.podsReady(ns);
  await t.settled(pool, 'Available');
  await t.settled(other, 'Available');
  await controller.stop();
  const before = [await t.read(pool), await t.read(other), await t.deployment(pool), await t.deployment(other)];
  startController();
  await eventually(async () => (await reconciled()) >= 2, { description: 'every pool to be looked at' });
  expect(await controller.writes()).toBe(0);
  const after = [await t.read(pool), await t.read(other), await t.deployment(pool), await t.deployment(other)];
  expect(after.map((each) => each?.metadata.resourceVersion)).toEqual(
    before.map((each) => each?.metadata.resourceVersion),
  );
});

it(
  'a deleted pool takes its Deployment along, and a new one of its name waits for that',
  { timeout: 150_000 },
  async () => {
    const pool = await t.pool(ns, 'again', { version: '1.0.0' });
    const old = await t.sized(pool, 1);
    await t.client.delete(WORKER_POOLS, keyOf(pool));
    const again = await t.pool(ns, 'again', { version: '2.0.0' });
    // The garbage collector learns of new kinds every 30 s, and then reads them all.
    const fresh = await eventually(
      async () => {
        const now = await t.deployment(again);
        return now && now.metadata.uid !== old.metadata.uid && now;
      },
      { timeoutMs: 120_000 },
    );
    expect([imageOf(fresh), fresh.metadata.ownerReferences?.[0]?.uid]).toEqual([
      'registry.example/worker:2.0.0',
      again.metadata.uid,
    ]);
  },
);
