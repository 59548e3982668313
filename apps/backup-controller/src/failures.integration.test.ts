import { QUEUE_BACKUP_SCHEDULES, QUEUE_BACKUPS, QUEUE_RESTORES } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { printMatrix, runFailureMatrix, type WriteCase } from '@redis-queue/rig/failure-matrix';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCluster } from './testing/cluster.ts';

// Wall 6: every write of the controller to the API server, answered in every way that is not success.

/** On a machine that has time both take 10 s, as the line that is printed says; this is for slow ones. */
const SOON_MS = 60_000;

let t: TestCluster;
beforeAll(async () => {
  t = await TestCluster.start();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const nameOf = (namespace: string): string => `q-${namespace}`;
async function backup(namespace: string, spec: object = {}): Promise<Resource> {
  return await t.backup(namespace, nameOf(namespace), { queues: { names: ['emails'] }, ...spec });
}
const patch = (namespace: string, spec: object): Promise<Resource> =>
  t.rig.client.mergePatch(QUEUE_BACKUPS, { namespace, name: nameOf(namespace) }, { spec });
const restore = (namespace: string, spec: object = {}): Promise<Resource> =>
  t.restore(namespace, 'restore', { from: { backup: { name: nameOf(namespace) } }, dryRun: true, ...spec });
const taken = async (namespace: string, spec: object = {}): Promise<unknown> =>
  await t.settled((await backup(namespace, spec)) as never, 'BackedUp');

/** Due at once: the controller's clock is two hours ahead. */
const schedule = (namespace: string): Promise<Resource> =>
  t.rig.objects.create(
    QUEUE_BACKUP_SCHEDULES,
    { namespace, name: 'hourly' },
    { schedule: '0 * * * *', template: { spec: { queues: { names: ['emails'] }, storage: { volume: {} } } } },
  );

/** With a drill of each backup that completes. */
const drilled = (namespace: string): Promise<Resource> =>
  t.rig.objects.create(
    QUEUE_BACKUP_SCHEDULES,
    { namespace, name: 'drilled' },
    {
      schedule: '0 * * * *',
      verify: { mode: 'Restore' },
      template: { spec: { queues: { names: ['emails'] }, storage: { volume: {} } } },
    },
  );

const CASES: WriteCase[] = [
  {
    name: 'finalizer removed',
    write: 'patch queuebackups',
    before: (namespace) => taken(namespace, { deletionPolicy: 'Delete' }),
    trigger: (namespace) => patch(namespace, { deletionPolicy: 'Retain' }),
    names: /patch queuebackups/,
    shows: 'condition',
  },
  {
    name: 'status of a backup',
    write: 'apply queuebackups/status as redis-queue-status',
    trigger: backup,
    names: /queuebackups.*status/,
    shows: 'log',
  },
  {
    name: 'deletion of a backup',
    write: 'delete queuebackups',
    before: taken,
    trigger: (namespace) => patch(namespace, { ttlSecondsAfterFinished: 0 }),
    names: /delete queuebackups/,
    shows: 'condition',
    deletes: true,
  },
  {
    name: 'status of a restore',
    type: QUEUE_RESTORES,
    write: 'apply queuerestores/status as redis-queue-status',
    before: taken,
    trigger: restore,
    names: /queuerestores.*status/,
    shows: 'log',
  },
  {
    name: 'finalizer of a restore added',
    type: QUEUE_RESTORES,
    write: 'patch queuerestores',
    before: taken,
    trigger: (namespace) => restore(namespace, { dryRun: false }),
    names: /patch queuerestores/,
    shows: 'condition',
  },
  {
    name: 'deletion of a restore',
    type: QUEUE_RESTORES,
    write: 'delete queuerestores',
    before: taken,
    trigger: (namespace) => restore(namespace, { ttlSecondsAfterFinished: 0 }),
    names: /delete queuerestores/,
    shows: 'condition',
    deletes: true,
  },
  {
    name: 'backup of a schedule',
    type: QUEUE_BACKUP_SCHEDULES,
    write: 'create queuebackups as redis-queue',
    trigger: schedule,
    names: /create queuebackups/,
    shows: 'condition',
  },
  {
    name: 'drill of a schedule',
    type: QUEUE_BACKUP_SCHEDULES,
    write: 'create queuerestores as redis-queue',
    trigger: drilled,
    names: /create queuerestores/,
    shows: 'condition',
  },
  {
    name: 'status of a schedule',
    type: QUEUE_BACKUP_SCHEDULES,
    write: 'apply queuebackupschedules/status as redis-queue-status',
    trigger: schedule,
    names: /queuebackupschedules.*status/,
    shows: 'log',
  },
];
/** Those of the runtime: `libs/controller/src/manager/refused-writes.integration.test.ts`. */
const OTHERS = ['create events', 'patch events'];

it('each write, refused in each way, is told within 10 s, and mends itself within 10 s', async () => {
  const matrix = await runFailureMatrix({
    rig: t.rig,
    type: QUEUE_BACKUPS,
    cases: CASES,
    good: ['BackedUp', 'WouldRestore', 'Restored', 'Scheduled', 'Verified'],
    prepare: async (namespace) => {
      await t.rig.objects.secret(namespace, { 'redis-url': t.rig.redis.url });
      // Nothing is in it: what is restored goes back to where it was.
      await t.queue(namespace, 'emails', { name: namespace });
    },
    start: (kubeconfigPath) =>
      t.controller({ runs: 32, now: () => new Date(Date.now() + 7_200_000) }, { kubeconfigPath }),
  });
  const { worstConditionMs, worstRecoveryMs, silent } = printMatrix('backup-controller', matrix);
  // A write that the list lacks is one that nobody has tried to refuse.
  const known = new Set([...CASES.map(({ write }) => write), ...OTHERS]);
  expect([...matrix.seen].filter((write) => !known.has(write))).toEqual([]);
  expect(silent).toBe(0);
  expect(worstConditionMs).toBeLessThanOrEqual(SOON_MS);
  expect(worstRecoveryMs).toBeLessThanOrEqual(SOON_MS);
}, 400_000);
