import { QUEUE_REDRIVES, QUEUES, type QueueSpec } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { printMatrix, runFailureMatrix, type WriteCase } from '@redis-queue/rig/failure-matrix';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testCluster, type StoredQueue, type TestCluster } from './testing/cluster.ts';
import { CONCURRENCY, wireQueueController } from './wire.ts';

// Wall 6: every write of the controller to the API server, answered in every way that is not success.

/** On a machine that has time both take 10 s, as the line that is printed says; this is for slow ones. */
const SOON_MS = 60_000;

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const nameOf = (namespace: string): string => `q-${namespace}`;
const create = (namespace: string, spec: QueueSpec = {}): Promise<StoredQueue> =>
  t.queue(namespace, nameOf(namespace), spec);
/** Of a Queue that governs its queue, without dead letters. */
const redrive = (namespace: string, spec: object = {}): Promise<Resource> =>
  t.rig.objects.create(
    QUEUE_REDRIVES,
    { namespace, name: 'redrive' },
    { queueRef: { name: nameOf(namespace) }, ...spec },
  );
const patch = (namespace: string, spec: object): Promise<Resource> =>
  t.client.mergePatch(QUEUES, { namespace, name: nameOf(namespace) }, { spec });

const CASES: WriteCase[] = [
  {
    name: 'finalizer added',
    write: 'patch queues',
    trigger: (namespace) => create(namespace, { deletionPolicy: 'Delete' }),
    names: /patch queues/,
    shows: 'condition',
  },
  {
    name: 'finalizer removed',
    write: 'patch queues',
    before: async (namespace) => await t.settled(await create(namespace, { deletionPolicy: 'Delete' }), 'Applied'),
    trigger: (namespace) => patch(namespace, { deletionPolicy: 'Retain' }),
    names: /patch queues/,
    shows: 'condition',
  },
  {
    name: 'status of a reconcile',
    write: 'apply queues/status as redis-queue-status',
    before: async (namespace) => await t.settled(await create(namespace), 'Applied'),
    trigger: (namespace) => patch(namespace, { globalConcurrency: 7 }),
    names: /queues.*status/,
    shows: 'log',
  },
  {
    name: 'sampled status',
    write: 'apply queues/status as redis-queue-sampler',
    trigger: create,
    names: /counts and waits.*written/,
    landed: ({ status }) => status !== undefined && 'sampledAt' in status,
    shows: 'condition',
  },
  {
    name: 'status of a redrive',
    type: QUEUE_REDRIVES,
    write: 'apply queueredrives/status as redis-queue-status',
    before: async (namespace) => await t.settled(await create(namespace), 'Applied'),
    trigger: (namespace) => redrive(namespace),
    names: /queueredrives.*status/,
    shows: 'log',
  },
  {
    name: 'deletion of a redrive',
    type: QUEUE_REDRIVES,
    write: 'delete queueredrives',
    before: async (namespace) => await t.settled(await create(namespace), 'Applied'),
    trigger: (namespace) => redrive(namespace, { ttlSecondsAfterFinished: 0 }),
    names: /delete queueredrives/,
    shows: 'condition',
    deletes: true,
  },
];
/** Those of the runtime: `libs/controller/src/manager/refused-writes.integration.test.ts`. */
const OTHERS = ['create events', 'patch events'];

it('each write, refused in each way, is told within 10 s, and mends itself within 10 s', async () => {
  const settings = {
    secretNames: ['redis-credentials'],
    concurrency: CONCURRENCY,
    sampleIntervalMs: 1_000,
    driftCheckMs: 60_000,
  };
  const matrix = await runFailureMatrix({
    rig: t.rig,
    type: QUEUES,
    cases: CASES,
    good: ['Applied', 'Redriven'],
    prepare: (name) => t.secret(name, { 'redis-url': t.server.url }),
    start: (kubeconfigPath) =>
      t.rig.controller((manager) => wireQueueController(manager, settings), {
        name: 'queue-controller',
        kubeconfigPath,
      }),
  });
  const { worstConditionMs, worstRecoveryMs, silent } = printMatrix('queue-controller', matrix);
  // A write that the list lacks is one that nobody has tried to refuse.
  const known = new Set([...CASES.map(({ write }) => write), ...OTHERS]);
  expect([...matrix.seen].filter((write) => !known.has(write))).toEqual([]);
  expect(silent).toBe(0);
  expect(worstConditionMs).toBeLessThanOrEqual(SOON_MS);
  expect(worstRecoveryMs).toBeLessThanOrEqual(SOON_MS);
}, 400_000);
