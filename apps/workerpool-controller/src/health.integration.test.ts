import { WORKER_POOLS, type WorkerPoolStatus } from '@redis-queue/api';
import { findCondition, keyOf, SECRETS } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { contradictions, recordHealth, type Health, type Recording } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type RunningController, type TestCluster } from './testing/cluster.ts';
import { playKubelet, type ContainerState } from './testing/kubelet.ts';

// What kstatus and Argo CD, each by its own code, say of every state in the life of a pool.

const SLOW = { timeoutMs: 60_000 };
const PATIENT = { progressDeadline: '10m' };
const NO_IMAGE = { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } };
const LOOP = { waiting: { reason: 'CrashLoopBackOff' } };

let t: TestCluster;
let controller: RunningController;
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t);
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

const brief = ({ kstatus, argo }: Health): string => `${kstatus} ${argo}`;
const is = (status: WorkerPoolStatus, type: string, value: string): boolean =>
  findCondition(status.conditions, type)?.status === value;
const because = (reason: string) => (status: WorkerPoolStatus) =>
  findCondition(status.conditions, 'Ready')?.reason === reason;
const runs = (count: number) => (status: WorkerPoolStatus) =>
  status.readyReplicas === count && status.replicas === count && because('RolledOut')(status);
const auto = { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 10 } };

/** A namespace for one pool, of which every state is recorded. */
interface Stage extends Disposable {
  readonly namespace: string;
  readonly recording: Recording;
  readonly life: Health[];
  readonly create: (spec: Parameters<TestCluster['pool']>[2]) => Promise<PoolObject>;
  readonly decide: (sequence: number, currentReplicas: number, desiredReplicas: number) => Promise<void>;
  /** Plays kubelet until the newest status is so, and returns what was said meanwhile, each in its order and once. */
  readonly until: (
    states: Record<string, ContainerState>,
    holds: (status: WorkerPoolStatus) => boolean,
  ) => Promise<string[]>;
}

async function stage(): Promise<Stage> {
  const namespace = await t.namespace();
  const recording = await recordHealth(t.client, WORKER_POOLS, namespace);
  const life: Health[] = [];
  let pool: PoolObject;
  return {
    namespace,
    recording,
    life,
    create: async (spec) => (pool = await t.pool(namespace, 'life', spec)),
    decide: (sequence, currentReplicas, desiredReplicas) =>
      t.publish(pool, { sequence, currentReplicas, desiredReplicas }),
    until: async (states, holds) => {
      const version = await eventually(async () => {
        await playKubelet(t.client, namespace, states);
        const { status = {}, metadata } = await t.read(pool);
        if (status.observedGeneration === metadata.generation && holds(status)) return metadata.resourceVersion;
        throw new Error(JSON.stringify(status));
      }, SLOW);
      const said = await recording.next(version);
      life.push(...said);
      return said.map(brief).filter((each, index, all) => each !== all[index - 1]);
    },
    [Symbol.dispose]: () => recording.stop(),
  };
}

const CONCURRENT = { timeout: 300_000, concurrent: true };

it('a pool whose pods do not come is in progress and degraded once their time is up', CONCURRENT, async () => {
  using here = await stage();
  const { create, decide, until } = here;
  await create({ ...auto, version: '1', rollout: { progressDeadline: '10s' } });
  await until({}, runs(0));
  await decide(1, 0, 1);
  await until({ 1: 'ready' }, runs(1));
  await decide(2, 1, 0);
  await until({}, runs(0));
  await decide(3, 0, 2);
  const said = await until({}, because('MinimumReplicasUnavailable'));
  expect(said[0]).toBe('Current Healthy');
  expect(said.at(-1)).toBe('InProgress Degraded');
  expect((await until({ 1: 'ready' }, runs(2))).at(-1)).toBe('Current Healthy');
  expect(contradictions(here.life, new Set(['MinimumReplicasUnavailable']))).toEqual([]);
});

it('a pool is in progress, healthy and degraded at the right moments', CONCURRENT, async () => {
  using here = await stage();
  const { namespace, recording, life, create, decide, until } = here;
  const credentials = { namespace, name: 'redis-credentials' };
  await t.client.delete(SECRETS, credentials);
  const pool = await create({ ...auto, version: '1', rollout: PATIENT });
  // What is still to be created is no failure.
  expect(await until({}, because('SecretNotFound'))).toEqual(['InProgress Progressing']);
  await t.secret(namespace, { 'redis-host': 'redis' });
  expect((await until({}, runs(0))).at(-1)).toBe('Current Healthy');

  // The load comes and goes: no spec changes, and nothing is in progress.
  await decide(1, 0, 3);
  expect(await until({}, (status) => status.replicas === 3 && is(status, 'Available', 'False'))).toEqual([
    'Current Healthy',
  ]);
  expect(await until({ 1: 'ready' }, runs(3))).toEqual(['Current Healthy']);
  await decide(2, 3, 5);
  expect(await until({ 1: 'ready' }, runs(5))).toEqual(['Current Healthy']);
  await decide(3, 5, 0);
  expect(await until({}, runs(0))).toEqual(['Current Healthy']);
  await decide(4, 0, 2);
  expect(await until({ 1: 'ready' }, runs(2))).toEqual(['Current Healthy']);

  // Pods that cannot work, some and then all of them.
  expect(await until({ 1: LOOP }, because('CrashLooping'))).toContain('InProgress Degraded');
  expect((await until({ 1: 'ready' }, runs(2))).at(-1)).toBe('Current Healthy');

  // A version that works, one that does not, the way back by hand and by itself.
  await t.change(pool, { version: '2' });
  expect(await until({ 1: 'ready', 2: 'ready' }, runs(2))).toEqual(['InProgress Progressing', 'Current Healthy']);
  await t.change(pool, { version: '3', rollout: { progressDeadline: '10s' } });
  const failing = { 2: 'ready', 3: NO_IMAGE, 4: NO_IMAGE } as const;
  expect(await until(failing, because('ProgressDeadlineExceeded'))).toEqual([
    'InProgress Progressing',
    'Failed Degraded',
  ]);
  await t.change(pool, { version: '2', rollout: PATIENT });
  expect((await until(failing, runs(2))).at(-1)).toBe('Current Healthy');
  await t.change(pool, { version: '4', rollout: { progressDeadline: '10s', autoRollback: true } });
  expect(await until(failing, because('RolledBack'))).toContain('Failed Degraded');
  await t.change(pool, { version: '2', rollout: PATIENT });
  expect((await until(failing, runs(2))).at(-1)).toBe('Current Healthy');

  // What is refused leaves the pods that serve, and somebody has to act.
  await t.change(pool, { template: { spec: { containers: [{ name: 'worker', imagePullPolice: 'Always' }] } } });
  expect((await until({ 2: 'ready' }, because('TemplateInvalid'))).at(-1)).toBe('Failed Degraded');
  expect(is((await t.read(pool)).status ?? {}, 'Available', 'True')).toBe(true);
  await t.change(pool, { template: null });
  expect((await until({ 2: 'ready' }, runs(2))).at(-1)).toBe('Current Healthy');

  await t.client.delete(WORKER_POOLS, keyOf(pool), { propagationPolicy: 'Foreground' });
  await eventually(async () => (await t.client.get(WORKER_POOLS, keyOf(pool))) === undefined, SLOW);
  const leaving = await recording.next();
  expect([...new Set(leaving.map(brief))]).toEqual(['Terminating Progressing']);

  expect(contradictions([...life, ...leaving], new Set(['CrashLooping']))).toEqual([]);
});
