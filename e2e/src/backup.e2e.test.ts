import { chmodSync } from 'node:fs';
import { NODE_NAME, temporaryFolder } from '@redis-queue/rig';
import { apply } from '@redis-queue/rig/pods';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withRedis } from './site/site.ts';
import { createTeam, type Team } from './team.ts';

const CLAIM = 'backups';
const JOBS = 50;

let team: Team;
beforeAll(async () => {
  team = await createTeam('backup');
  await claimVolume();
  await Promise.all([
    team.install('backup-controller', { 'storage.volume.claimName': CLAIM }),
    team.applyExamples(),
    withQueue((queue) => queue.addBulk(Array.from({ length: JOBS }, (_, n) => ({ name: 'j', data: { n } })))),
  ]);
});
afterAll(async () => {
  await team?.[Symbol.asyncDispose]();
  await team?.kubectl('delete', 'persistentvolume', team.site.namespace, '--ignore-not-found', '--wait=false');
});

/** A claim of the default class, or on the cluster of this machine, which provisions none, a folder of its node. */
async function claimVolume(): Promise<void> {
  const { cluster, site } = team;
  const storageClassName = cluster.killsContainers ? site.namespace : undefined;
  const spec = { accessModes: ['ReadWriteOnce'], ...(storageClassName && { storageClassName }) };
  if (storageClassName) {
    const path = temporaryFolder('volume');
    chmodSync(path, 0o770);
    const hostname = { key: 'kubernetes.io/hostname', operator: 'In', values: [NODE_NAME] };
    const volume = { ...spec, capacity: { storage: '1Gi' }, persistentVolumeReclaimPolicy: 'Retain', local: { path } };
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } };
    const metadata = { name: site.namespace };
    await apply(cluster, [{ apiVersion: 'v1', kind: 'PersistentVolume', metadata, spec: { ...volume, nodeAffinity } }]);
  }
  const metadata = { name: CLAIM, namespace: site.namespace };
  const resources = { requests: { storage: '1Gi' } };
  await apply(cluster, [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: { ...spec, resources } }]);
}

async function withQueue<T>(use: (queue: Queue) => Promise<T>): Promise<T> {
  return await withRedis(team.cluster, team.site, 'default', async (connection) => {
    const queue = new Queue('emails', { connection });
    try {
      return await use(queue);
    } finally {
      await queue.close();
    }
  });
}

async function complete(kind: string, spec: object): Promise<void> {
  const object = { apiVersion: 'redis-queue.io/v1', kind, metadata: { name: 'all', namespace: team.site.namespace } };
  await apply(team.cluster, [{ ...object, spec }]);
  await team.condition(`${kind.toLowerCase()}s.redis-queue.io/all`, 'Complete', 'True');
}

it('a queue is backed up to a volume and comes back from it, by a pod of the chart with users of the least rights', async () => {
  await complete('QueueBackup', { queues: { names: ['emails'] }, storage: { volume: {} } });
  await withQueue((queue) => queue.obliterate());
  await complete('QueueRestore', { from: { backup: { name: 'all' } } });
  expect(await withQueue((queue) => queue.getWaitingCount())).toBe(JOBS);
});
