import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { WorkerPoolStatus } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { findCondition, keyOf, PODS } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { eventually } from '@redis-queue/rig';
import { controllerRig } from '../testing/controller.ts';

const rig = controllerRig();

const SLOW = { timeoutMs: 60_000 };
const TIMEOUT = { timeout: 120_000 };
const auto = { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 9 } };
const core = (kind: string, spec: object) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'team', namespace: rig.namespace },
  spec,
});
const blockedOf = (status: WorkerPoolStatus) => findCondition(status.conditions, 'PodsBlocked');

function statusWhere(pool: PoolObject, holds: (now: WorkerPoolStatus) => unknown): Promise<WorkerPoolStatus> {
  return eventually(async () => {
    const { status: now = {} } = await rig.cluster.read(pool);
    if (holds(now)) return now;
    throw new Error(JSON.stringify(now));
  }, SLOW);
}
async function setStatus(change: (index: number) => object): Promise<void> {
  const { items } = await rig.cluster.client.list(PODS, { namespace: rig.namespace });
  const patches = items.map((pod, index) =>
    rig.cluster.client.mergePatch(PODS, keyOf(pod), { status: change(index) }, { subresource: 'status' }),
  );
  await Promise.all(patches);
}
/** A pod's status whose container waits. */
const waiting = (reason: string, message: string) => ({
  phase: 'Pending',
  containerStatuses: [
    {
      name: 'worker',
      image: '',
      imageID: '',
      ready: false,
      restartCount: 6,
      state: { waiting: { reason, message } },
    },
  ],
});
const exist = (pool: PoolObject, replicas: number) => statusWhere(pool, (now) => now.replicas === replicas);

describe('pods that cannot run', () => {
  it('for a quota: counted, with its numbers, until it is raised', TIMEOUT, async () => {
    await rig.cluster.controlPlane.apply(core('ResourceQuota', { hard: { pods: '2' } }));
    const pool = await rig.cluster.pool(rig.namespace, 'quota', { replicas: 4 });
    const short = await statusWhere(pool, (now) => now.blockedReplicas?.rejected === 2);
    expect(blockedOf(short)).toMatchObject({ status: 'True', reason: 'QuotaExceeded' });
    expect(blockedOf(short)?.message).toMatch(
      /2 pods refused: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2/,
    );
    expect(findCondition(short.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'QuotaExceeded',
      message: expect.stringContaining('0 of 4 pods are ready') as string,
    });
    await eventually(async () => (await rig.cluster.eventsOf(pool)).some(({ reason }) => reason === 'QuotaExceeded'));
    await rig.cluster.controlPlane.apply(core('ResourceQuota', { hard: { pods: '9' } }));
    const raised = await statusWhere(pool, (now) => now.replicas === 4 && !now.blockedReplicas);
    expect(blockedOf(raised)).toBeUndefined();
  });

  it('for a limit range', TIMEOUT, async () => {
    await rig.cluster.controlPlane.apply(core('LimitRange', { limits: [{ type: 'Container', max: { cpu: '1' } }] }));
    const pool = await rig.cluster.pool(rig.namespace, 'ranged', { resources: { limits: { cpu: '2' } } });
    const { conditions } = await statusWhere(pool, (now) => now.blockedReplicas?.rejected === 1);
    expect(findCondition(conditions, 'PodsBlocked')).toMatchObject({
      reason: 'LimitRangeExceeded',
      message: expect.stringContaining('maximum cpu usage per Container is 1, but limit is 2') as string,
    });
  });

  it('for the Pod Security standard of the namespace', TIMEOUT, async () => {
    await rig.cluster.controlPlane.kubectl(
      'label',
      'namespace',
      rig.namespace,
      'pod-security.kubernetes.io/enforce=restricted',
    );
    const template = { spec: { hostNetwork: true } };
    const pool = await rig.cluster.pool(rig.namespace, 'insecure', { template });
    const { conditions } = await statusWhere(pool, (now) => now.blockedReplicas?.rejected === 1);
    expect(findCondition(conditions, 'PodsBlocked')).toMatchObject({
      reason: 'PodsRejected',
      message: expect.stringContaining('violates PodSecurity "restricted:latest"') as string,
    });
  });

  it('for want of a node, for a crash loop, for an image: counted, until they run', TIMEOUT, async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'mixed', { replicas: 4 });
    await exist(pool, 4);
    const noNode = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/3 nodes are available',
    };
    const states = [
      { phase: 'Pending', conditions: [noNode] },
      waiting('CrashLoopBackOff', 'back-off 5m0s'),
      waiting('ImagePullBackOff', 'no such tag'),
      {},
    ];
    await setStatus((index) => states[index]!);
    const found = await statusWhere(pool, (now) => Object.keys(now.blockedReplicas ?? {}).length === 3);
    expect(found.blockedReplicas).toEqual({ unschedulable: 1, crashLooping: 1, imageFailing: 1 });
    expect(blockedOf(found)?.reason).toBe('ImageFailing');
    for (const part of ['no such tag', '6 restarts', '0/3 nodes are available']) {
      expect(blockedOf(found)?.message).toContain(part);
    }
    await setStatus(() => ({
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        {
          name: 'worker',
          image: '',
          imageID: '',
          ready: true,
          restartCount: 6,
          state: { running: {} },
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled', finishedAt: new Date().toISOString() } },
        },
      ],
    }));
    const healed = await statusWhere(pool, (now) => findCondition(now.conditions, 'Ready')?.status === 'True');
    expect([healed.blockedReplicas, blockedOf(healed)]).toEqual([undefined, undefined]);
    const reported = await statusWhere(pool, (now) => findCondition(now.conditions, 'PodsKilled')?.status === 'True');
    const killed =
      /^Pod mixed-\S+ was killed: container worker OOMKilled \(limit of the node\), .* at least 24 times .* 4 pods were/;
    expect(findCondition(reported.conditions, 'PodsKilled')?.message).toMatch(killed);
    const oom = (await rig.cluster.eventsOf(pool)).filter(({ reason }) => reason === 'OOMKilled');
    expect(oom[0]).toMatchObject({ type: 'Warning', message: expect.stringMatching(/^Pod mixed-/) as string });
  });
});

describe('a pool whose autoscaler is missing', () => {
  it('runs spec.replicas pods a minute after its creation, and a decision later overrules', TIMEOUT, async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'orphan', { ...auto, replicas: 2 });
    await rig.cluster.sized(pool, 0);
    const { status: now } = await eventually(
      async () => {
        const read = await rig.cluster.read(pool);
        return read.status?.desiredReplicas === 2 && read;
      },
      { timeoutMs: 90_000 },
    );
    expect(now?.autoscaling?.last?.[0]?.reason).toContain('no decision has come within 60 s');
    expect(findCondition(now?.conditions, 'ScalingActive')).toMatchObject({ reason: 'WaitingForDecision' });
    await rig.cluster.publish(pool, { currentReplicas: 2, desiredReplicas: 1 });
    await rig.cluster.sized(pool, 1);
  });

  it('without a bus runs spec.replicas pods at once, within its bounds', TIMEOUT, async () => {
    await rig.controller.stop();
    await rig.start({ bus: false });
    const pool = await rig.cluster.pool(rig.namespace, 'busless', { ...auto, replicas: 3 });
    await rig.cluster.sized(pool, 3);
    const { status: now } = await rig.cluster.settled(pool, 'BusUnavailable', 'ScalingActive');
    expect(findCondition(now?.conditions, 'ScalingActive')?.message).toContain('spec.replicas rules');
  });
});

const redis = (...command: string[]) =>
  promisify(execFile)('redis-cli', ['-p', String(rig.cluster.server.port), ...command]);

/** As a publisher of another release would: ours refuses to. */
async function publishRaw(data: object): Promise<void> {
  const queue = 'redis-queue:scaling-decisions';
  const id = `raw-${rig.namespace}`;
  await redis(
    'HSET',
    `${queue}:${id}`,
    'name',
    'decision',
    'data',
    JSON.stringify(data),
    'opts',
    '{}',
    'timestamp',
    '1',
  );
  await redis('LPUSH', `${queue}:wait`, id);
  await redis('ZADD', `${queue}:marker`, '0', '0');
}

describe('the bus', () => {
  it('a decision of a later major version is reported on its pool, until one that is understood', TIMEOUT, async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'later', auto);
    await rig.cluster.sized(pool, 0);
    const { namespace, name, uid } = pool.metadata;
    await publishRaw({ schemaVersion: '2.0', pool: { namespace, name, uid }, size: 7 });
    const { status: reported } = await rig.cluster.settled(pool, 'UnknownDecisionVersion', 'ScalingActive');
    expect(findCondition(reported?.conditions, 'ScalingActive')?.message).toMatch(/2\.0 .*only 1\.x.*upgrade/);
    expect(await rig.controller.manager.registry.metrics()).toMatch(
      /redis_queue_decisions_dropped_total\{reason="unknown-version"\} 1/,
    );
    await rig.cluster.publish(pool, { desiredReplicas: 1 });
    await rig.cluster.sized(pool, 1);
    await rig.cluster.settled(pool, 'Decided', 'ScalingActive');
  });

  it('a decision that is there before the Deployment of a new pool is not lost', TIMEOUT, async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'early', { ...auto, queues: ['late'] });
    await rig.cluster.settled(pool, 'QueueNotFound');
    await rig.cluster.publish(pool, { desiredReplicas: 3 });
    // The bus delivers it ten times within 2.5 s; then it would be the autoscaler's turn.
    await eventually(
      async () => /redis_queue_decision_failures_total [1-9]/.test(await rig.controller.manager.registry.metrics()),
      { intervalMs: 20 },
    );
    await rig.cluster.queue(rig.namespace, 'late');
    expect((await rig.cluster.sized(pool, 3)).metadata.annotations?.[DECISION_ANNOTATION]).toBe('1.1');
  });
});
