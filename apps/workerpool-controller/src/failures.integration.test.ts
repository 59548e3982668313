import { WORKER_POOLS, type WorkerPoolSpecInput } from '@redis-queue/api';
import { DEPLOYMENTS, findCondition, PODS } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { printMatrix, runFailureMatrix, type WriteCase } from '@redis-queue/rig/failure-matrix';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Deployment } from './kubernetes/objects.ts';
import { testCluster, type TestCluster } from './testing/cluster.ts';
import { wireWorkerPoolController } from './wire.ts';

// Wall 6: every write of the controller to the API server, answered in every way that is not success.

/** On a machine that has time both take 10 s, as the line that is printed says; this is for slow ones. */
const SOON_MS = 60_000;
const AUTOSCALED = { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 9 } };

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const create = (namespace: string, spec: Partial<WorkerPoolSpecInput> = { replicas: 0 }): Promise<PoolObject> =>
  t.pool(namespace, 'pool', spec);
const settled = async (namespace: string, spec?: Partial<WorkerPoolSpecInput>): Promise<PoolObject> =>
  await t.settled(await create(namespace, spec), 'RolledOut');
const change = (namespace: string, spec: object): Promise<unknown> =>
  t.client.mergePatch(WORKER_POOLS, { namespace, name: 'pool' }, { spec });

let sequence = 0;
/** Publishes a decision that changes the size, as the autoscaler does for as long as the size differs. */
async function decide(namespace: string, replicas: number, busy?: Record<string, number>): Promise<void> {
  const pool = await t.client.get<PoolObject>(WORKER_POOLS, { namespace, name: 'pool' });
  const deployment = await t.client.get<Deployment>(DEPLOYMENTS, { namespace, name: 'pool' });
  const currentReplicas = deployment?.spec.replicas ?? 0;
  const decision = { sequence: ++sequence, currentReplicas, desiredReplicas: replicas };
  if (pool) await t.publish(pool, { ...decision, ...(busy && { busy }) });
}

async function podNames(namespace: string): Promise<string[]> {
  const { items } = await t.client.list(PODS, { namespace });
  return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata: { name } }) => name);
}

/** Has the pool shrink from three to two, with other busy pods than before; then grow again. */
async function shrinkAgain(namespace: string): Promise<void> {
  const pods = await podNames(namespace);
  if (pods.length < 3) return await decide(namespace, 3);
  await t.podsReady(namespace);
  await decide(namespace, 2, { [pods[0]!]: (sequence % 1_000) + 2, [pods[1]!]: (sequence % 1_000) + 1 });
}

const CASES: WriteCase[] = [
  {
    name: 'Deployment created',
    write: 'apply deployments as redis-queue',
    trigger: create,
    names: /Deployment/i,
    shows: 'condition',
  },
  {
    name: 'template changed',
    write: 'apply deployments as redis-queue',
    before: settled,
    trigger: (namespace) => change(namespace, { version: '2.0.0' }),
    names: /Deployment/i,
    shows: 'condition',
  },
  {
    name: 'size of the spec',
    write: 'apply deployments as redis-queue-scale',
    before: settled,
    trigger: (namespace) => change(namespace, { replicas: 1 }),
    names: /Deployment/i,
    shows: 'condition',
  },
  {
    name: 'PodDisruptionBudget created',
    write: 'create poddisruptionbudgets as redis-queue',
    trigger: create,
    names: /PodDisruptionBudget/i,
    shows: 'condition',
  },
  {
    name: 'PodDisruptionBudget changed',
    write: 'apply poddisruptionbudgets as redis-queue',
    before: settled,
    trigger: (namespace) => change(namespace, { disruptionBudget: { maxUnavailable: 3 } }),
    names: /PodDisruptionBudget/i,
    shows: 'condition',
  },
  {
    name: 'status',
    write: 'apply workerpools/status as redis-queue-status',
    before: settled,
    trigger: (namespace) => change(namespace, { drainPolicy: { gracePeriod: '31s' } }),
    names: /workerpools.*status/,
    shows: 'log',
  },
  {
    name: 'size of a decision',
    write: 'apply deployments as redis-queue-scale',
    before: (namespace) => settled(namespace, AUTOSCALED),
    trigger: (namespace) => decide(namespace, 1),
    meanwhile: (namespace) => decide(namespace, 1),
    names: /Deployment/i,
    shows: 'condition',
    landed: ({ status }) => findCondition(status?.conditions, 'AbleToScale')?.status === 'True',
  },
  {
    name: 'pod-deletion-cost',
    write: 'patch pods as redis-queue-scale',
    before: async (namespace) => {
      await settled(namespace, AUTOSCALED);
      await eventually(
        async () => {
          await decide(namespace, 3);
          return (await podNames(namespace)).length === 3;
        },
        { timeoutMs: 30_000, intervalMs: 500, description: 'three pods' },
      );
    },
    trigger: shrinkAgain,
    meanwhile: shrinkAgain,
    names: /pods/,
    shows: 'condition',
    landed: ({ status }) => findCondition(status?.conditions, 'AbleToScale')?.status === 'True',
  },
];
/** Those of the runtime: `libs/controller/src/manager/refused-writes.integration.test.ts`. */
const OTHERS = ['create events', 'patch events'];

it('each write, refused in each way, is told within 10 s, and mends itself within 10 s', async () => {
  const { host, port } = t.server;
  const settings = {
    secretNames: ['redis-credentials'],
    workerSecretNames: [],
    bus: { redis: { host, port } },
  };
  const matrix = await runFailureMatrix({
    rig: t.rig,
    type: WORKER_POOLS,
    cases: CASES,
    good: ['RolledOut', 'Progressing'],
    prepare: async (name) => {
      await t.secret(name, { 'redis-host': 'redis', 'redis-password': 'hunter2' });
      await t.queue(name, 'emails');
    },
    start: (kubeconfigPath) =>
      t.rig.controller((manager) => wireWorkerPoolController(manager, settings), {
        name: 'workerpool-controller',
        kubeconfigPath,
      }),
  });
  const { worstConditionMs, worstRecoveryMs, silent } = printMatrix('workerpool-controller', matrix);
  // A write that the list lacks is one that nobody has tried to refuse.
  const known = new Set([...CASES.map(({ write }) => write), ...OTHERS]);
  expect([...matrix.seen].filter((write) => !known.has(write))).toEqual([]);
  expect(silent).toBe(0);
  expect(worstConditionMs).toBeLessThanOrEqual(SOON_MS);
  expect(worstRecoveryMs).toBeLessThanOrEqual(SOON_MS);
}, 400_000);
