import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { DEPLOYMENTS, keyOf } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { SECRET_ANNOTATION } from './kubernetes/names.ts';
import type { Deployment } from './kubernetes/objects.ts';
import { controllerRig } from './testing/controller.ts';

const rig = controllerRig();

const declareSize = ({ metadata: { name } }: PoolObject, spec: object) =>
  rig.cluster.client.apply(
    DEPLOYMENTS,
    { metadata: { namespace: rig.namespace, name }, spec },
    { fieldManager: 'gitops', force: true },
  );
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
  it('creates pods, reports when they are ready, and follows a new version', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'life', { replicas: 2 });
    await rig.cluster.sized(pool, 2);
    await rig.cluster.settled(pool, 'Progressing');
    await eventually(async () => (await rig.cluster.read(pool)).status?.replicas === 2);
    await rig.cluster.podsReady(rig.namespace);
    const ready = await rig.cluster.settled(pool, 'RolledOut');
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
      'Available=True',
      'Degraded=False',
      'Ready=True',
      'ScalingActive=False',
    ]);

    await rig.cluster.change(pool, { version: '2.0.0' });
    await eventually(async () => imageOf(await rig.cluster.deployment(pool)) === 'registry.example/worker:2.0.0');
    await rig.cluster.settled(pool, 'Progressing');
    expect((await rig.cluster.read(pool)).status?.currentVersion).toBe('1.0.0');
    await eventually(async () => {
      await rig.cluster.podsReady(rig.namespace);
      return (await rig.cluster.read(pool)).status?.currentVersion === '2.0.0';
    });
  });

  it('passes the restricted Pod Security standard', async () => {
    await rig.cluster.controlPlane.kubectl(
      'label',
      'namespace',
      rig.namespace,
      'pod-security.kubernetes.io/enforce=restricted',
    );
    const pool = await rig.cluster.pool(rig.namespace, 'restricted', { replicas: 1 });
    const status = await eventually(async () => {
      const now = (await rig.cluster.read(pool)).status;
      return now?.replicas === 1 && now;
    });
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('Progressing');
  });

  it('a change of size is reported at once', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'followed', { replicas: 1 });
    await eventually(async () => (await rig.cluster.read(pool)).status?.replicas === 1);
    await rig.cluster.change(pool, { replicas: 3 });
    const three = await eventually(async () => {
      const { status } = await rig.cluster.read(pool);
      return status?.replicas === 3 && status.desiredReplicas === 3 && status;
    });
    expect(three.autoscaling?.last).toMatchObject([{ from: 1, to: 3, reason: 'spec.replicas is 3' }]);
  });
});

describe('what the pool needs', () => {
  it('a missing Queue is named, and the pool starts once it is there', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'waiting', { queues: ['emails', 'later'] });
    const blocked = await rig.cluster.settled(pool, 'QueueNotFound');
    expect(blocked.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain('"later"');
    expect(await rig.cluster.deployment(pool)).toBeUndefined();
    await rig.cluster.queue(rig.namespace, 'later', { name: 'other-name', redis: { prefix: 'jobs' } });
    const deployment = await rig.cluster.sized(pool, 1);
    const { env } = templateOf(deployment).spec.containers[0]!;
    expect(JSON.parse(env.find(({ name }) => name === 'RQ_QUEUES')!.value!)).toEqual([
      { queue: 'emails', name: 'emails', prefix: 'bull' },
      { queue: 'later', name: 'other-name', prefix: 'jobs' },
    ]);
  });

  it('a Queue that is deleted leaves the pods running, and is named', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'left', { replicas: 2 });
    await rig.cluster.sized(pool, 2);
    await rig.cluster.client.delete(QUEUES, { namespace: rig.namespace, name: 'emails' });
    await rig.cluster.settled(pool, 'QueueNotFound');
    expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(2);
  });

  it('a changed Secret replaces the pods, and its content is nowhere but in it', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'rotated');
    const before = templateOf(await rig.cluster.sized(pool, 1)).metadata.annotations[SECRET_ANNOTATION];
    await rig.cluster.secret(rig.namespace, { 'redis-host': 'redis', 'redis-password': 'hunter3' });
    await eventually(async () => {
      const { annotations } = templateOf(await rig.cluster.deployment(pool)).metadata;
      return annotations[SECRET_ANNOTATION] !== before;
    });
    const everything = JSON.stringify([
      await rig.cluster.deployment(pool),
      await rig.cluster.read(pool),
      await rig.cluster.eventsOf(pool),
      rig.controller.lines,
    ]);
    expect(everything).not.toMatch(/hunter|aHVudGVy/);
  });

  it('a Secret that appears later is picked up', async () => {
    await rig.cluster.queue(rig.namespace, 'elsewhere', { redis: { secretRef: { name: 'second' } } });
    const pool = await rig.cluster.pool(rig.namespace, 'secretless', { queues: ['elsewhere'] });
    await rig.cluster.settled(pool, 'SecretNotFound');
    await rig.cluster.secret(rig.namespace, { 'redis-host': 'redis' }, 'second');
    const { env } = templateOf(await rig.cluster.sized(pool, 1)).spec.containers[0]!;
    expect(JSON.stringify(env)).toContain('"name":"second"');
  });

  it.each([
    ['SecretNotPermitted', { redis: { secretRef: { name: 'private' } } }, ['odd']],
    ['MixedRedis', { redis: { secretRef: { name: 'second' } } }, ['emails', 'odd']],
  ])('%s stalls the pool', async (reason, spec, queues) => {
    await rig.cluster.queue(rig.namespace, 'odd', spec);
    const pool = await rig.cluster.pool(rig.namespace, 'stalled', { queues });
    const stalled = await rig.cluster.settled(pool, reason, 'Stalled');
    expect(stalled.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason });
    await eventually(async () => (await rig.cluster.eventsOf(pool)).some((event) => event.reason === reason));
  });

  it('pods whose Secret leads away from where the Queue is are not started, until the Queue is there', async () => {
    const { client } = rig.cluster;
    await rig.cluster.secret(rig.namespace, { 'redis-url': 'redis://redis/5' }, 'second');
    const redis = { secretRefs: { worker: { name: 'second' } } };
    const queue = await rig.cluster.queue(rig.namespace, 'split', { redis });
    const isAt = async (redisAddress: string): Promise<void> => {
      const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: '' };
      const status = {
        observedGeneration: queue.metadata.generation,
        conditions: [{ ...ready, lastTransitionTime: new Date().toISOString() }],
        effective: { name: 'split', prefix: 'bull', redisAddress },
      };
      await client.mergePatch(QUEUES, keyOf(queue), { status }, { subresource: 'status' });
    };
    await isAt('redis:6379');
    // Once another pool of the queue says so, the controller has seen where the Queue is.
    const earlier = await rig.cluster.pool(rig.namespace, 'led-away-before', { queues: ['split'] });
    await rig.cluster.settled(earlier, 'MixedRedis', 'Stalled');
    const pool = await rig.cluster.pool(rig.namespace, 'led-away', { queues: ['split'] });
    await rig.cluster.settled(pool, 'MixedRedis', 'Stalled');
    expect(await rig.cluster.deployment(pool)).toBeUndefined();
    await isAt('redis:6379 database 5');
    await rig.cluster.sized(pool, 1);
  });

  it('a Deployment that the API server refuses stalls the pool with the message of the refusal, and a correction heals it', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'invalid', {
      resources: { requests: { cpu: '2' }, limits: { cpu: '1' } },
    });
    const stalled = await rig.cluster.settled(pool, 'TemplateInvalid', 'Stalled');
    expect(stalled.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toMatch(
      /must be less than or equal to cpu limit/,
    );
    await rig.cluster.change(pool, { resources: { requests: { cpu: '1' } } });
    await rig.cluster.sized(pool, 1);
  });
});

describe('what others do', () => {
  it('a Deployment of the same name that belongs to nobody is never written, and its deletion is noticed', async () => {
    await rig.cluster.controlPlane.kubectl(
      'create',
      'deployment',
      'taken',
      '--image=other:1',
      '--replicas=4',
      '-n',
      rig.namespace,
    );
    const pool = await rig.cluster.pool(rig.namespace, 'taken');
    await rig.cluster.settled(pool, 'DeploymentExists', 'Stalled');
    const foreign = await rig.cluster.deployment(pool);
    expect([foreign?.spec.replicas, imageOf(foreign), foreign?.metadata.ownerReferences]).toEqual([
      4,
      'other:1',
      undefined,
    ]);
    await rig.cluster.client.delete(DEPLOYMENTS, keyOf(pool));
    // No watch reports a Deployment without our label: it is checked again after a while.
    await eventually(async () => imageOf(await rig.cluster.deployment(pool)) === 'registry.example/worker:1.0.0', {
      timeoutMs: 25_000,
    });
  });

  it('a field of ours that somebody changed is set back, and what they added stays', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'drifted');
    await rig.cluster.sized(pool, 1);
    await rig.cluster.controlPlane.kubectl('set', 'image', 'deployment/drifted', 'worker=evil:1', '-n', rig.namespace);
    await rig.cluster.controlPlane.kubectl('set', 'env', 'deployment/drifted', 'ADDED=1', '-n', rig.namespace);
    await eventually(async () => imageOf(await rig.cluster.deployment(pool)) === 'registry.example/worker:1.0.0');
    const { env } = templateOf(await rig.cluster.deployment(pool)).spec.containers[0]!;
    expect(env.some(({ name }) => name === 'ADDED')).toBe(true);
  });

  it('a Deployment that is deleted by hand comes back with its size and its fence', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'deleted', auto(0, 10));
    await rig.cluster.sized(pool, 0);
    await rig.cluster.publish(pool, { epoch: 5, desiredReplicas: 4 });
    await rig.cluster.sized(pool, 4);
    await eventually(async () => (await rig.cluster.read(pool)).status?.autoscaling?.decision === '5.1');
    await eventually(async () => (await rig.cluster.read(pool)).status?.desiredReplicas === 4);
    const old = await rig.cluster.deployment(pool);
    await rig.cluster.client.delete(DEPLOYMENTS, keyOf(pool));
    await eventually(async () => {
      const now = await rig.cluster.deployment(pool);
      return now && now.metadata.uid !== old?.metadata.uid && now.metadata.annotations?.[DECISION_ANNOTATION] === '5.1';
    });
    expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(4);
  });

  it('kubectl scale of the pool is obeyed without autoscaling, and refused with it', async () => {
    const byHand = await rig.cluster.pool(rig.namespace, 'by-hand', { replicas: 1 });
    const sized = await rig.cluster.pool(rig.namespace, 'sized', auto(2, 5));
    await rig.cluster.sized(sized, 2);
    await rig.cluster.controlPlane.kubectl('scale', 'workerpool/by-hand', '--replicas=3', '-n', rig.namespace);
    await rig.cluster.sized(byHand, 3);
    await expect(
      rig.cluster.controlPlane.kubectl('scale', 'workerpool/sized', '--replicas=3', '-n', rig.namespace),
    ).rejects.toThrow(/autoscaler sizes the pool/);
  });

  it('another writer of the size is named and not fought, and the size is ours again once it writes what we wrote', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'contested', auto(0, 10));
    await rig.cluster.sized(pool, 0);
    await rig.cluster.controlPlane.kubectl('scale', 'deployment/contested', '--replicas=6', '-n', rig.namespace);
    const contested = await rig.cluster.settled(pool, 'ReplicasContested', 'ScalingActive');
    expect(contested.status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message).toContain('kubectl');
    await rig.cluster.publish(pool, { desiredReplicas: 2 });
    await eventually(() =>
      rig.controller.lines.some((line) => line.includes('decision dropped') && line.includes('contested')),
    );
    expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(6);
    await rig.cluster.controlPlane.kubectl('scale', 'deployment/contested', '--replicas=0', '-n', rig.namespace);
    await rig.cluster.settled(pool, 'WaitingForDecision', 'ScalingActive');
    await rig.cluster.publish(pool, { sequence: 2, desiredReplicas: 2 });
    await rig.cluster.sized(pool, 2);
  });

  it('an autoscaler that passes through the size of the last decision is not shrunk by the next', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'passed', auto(0, 10));
    await rig.cluster.publish(pool, { desiredReplicas: 4 });
    await rig.cluster.sized(pool, 4);
    const options = { subresource: 'scale', fieldManager: 'kube-controller-manager' } as const;
    for (const replicas of [6, 4])
      await rig.cluster.client.mergePatch(DEPLOYMENTS, keyOf(pool), { spec: { replicas } }, options);
    await rig.cluster.publish(pool, { sequence: 2, currentReplicas: 4, desiredReplicas: 1 });
    await eventually(() =>
      rig.controller.lines.some((line) => line.includes('decision dropped') && line.includes('contested')),
    );
    expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(4);
  });

  it('one that declares the size by server-side apply is left alone until it releases it', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'declared', auto(3, 10));
    await rig.cluster.sized(pool, 3);
    await declareSize(pool, { replicas: 7 });
    const contested = await rig.cluster.settled(pool, 'ReplicasContested', 'ScalingActive');
    expect(contested.status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message).toContain('gitops');
    await declareSize(pool, {});
    await rig.cluster.settled(pool, 'WaitingForDecision', 'ScalingActive');
    expect((await rig.cluster.deployment(pool))?.spec.replicas).toBeGreaterThanOrEqual(3);
  });
});

it('without a bus, a pool with autoscaling keeps its size and says so, and bounds still hold', async () => {
  await rig.controller.stop();
  await rig.start({ bus: false });
  const pool = await rig.cluster.pool(rig.namespace, 'busless', auto(1, 5));
  await rig.cluster.sized(pool, 1);
  const { status } = await rig.cluster.settled(pool, 'BusUnavailable', 'ScalingActive');
  expect(status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message).toContain('no bus is configured');
  await rig.cluster.change(pool, { autoscaling: { minReplicas: 3 } });
  await rig.cluster.sized(pool, 3);
});

it('a settled pool is silent: a restart and a reconcile of everything write nothing', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'silent', {
    replicas: 1,
    resources: { requests: { cpu: '1000m', memory: '0.5Gi' } },
  });
  const other = await rig.cluster.pool(rig.namespace, 'silent-too', auto(1, 3));
  await eventually(
    async () =>
      (await rig.cluster.read(pool)).status?.replicas === 1 && (await rig.cluster.read(other)).status?.replicas === 1,
  );
  await rig.cluster.podsReady(rig.namespace);
  await rig.cluster.settled(pool, 'RolledOut');
  await rig.cluster.settled(other, 'RolledOut');
  await rig.controller.stop();
  const before = [
    await rig.cluster.read(pool),
    await rig.cluster.read(other),
    await rig.cluster.deployment(pool),
    await rig.cluster.deployment(other),
  ];
  await rig.start();
  await eventually(async () => (await rig.controller.reconciles()) >= 2, {
    description: 'every pool to be reconciled',
  });
  expect(await rig.controller.writes()).toBe(0);
  const after = [
    await rig.cluster.read(pool),
    await rig.cluster.read(other),
    await rig.cluster.deployment(pool),
    await rig.cluster.deployment(other),
  ];
  expect(after.map((each) => each?.metadata.resourceVersion)).toEqual(
    before.map((each) => each?.metadata.resourceVersion),
  );
});

it(
  'a deleted pool takes its Deployment along, and a new one of its name waits for that',
  { timeout: 150_000 },
  async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'again', { version: '1.0.0' });
    const old = await rig.cluster.sized(pool, 1);
    await rig.cluster.client.delete(WORKER_POOLS, keyOf(pool));
    const again = await rig.cluster.pool(rig.namespace, 'again', { version: '2.0.0' });
    // The garbage collector learns of new kinds every 30 s, and then reads them all.
    const fresh = await eventually(
      async () => {
        const now = await rig.cluster.deployment(again);
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
