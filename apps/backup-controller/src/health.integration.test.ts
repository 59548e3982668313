import { QUEUE_BACKUPS, QUEUE_RESTORES } from '@redis-queue/api';
import { contradictions, recordHealth, type Health } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCluster } from './testing/cluster.ts';

// What kstatus and Argo CD, each by its own code, say of every state in the life of a backup and of a restore.

let t: TestCluster;
beforeAll(async () => {
  t = await TestCluster.start();
});
afterAll(() => t?.[Symbol.asyncDispose]());

/** What was said of an object, each in its order and once. */
function saidOf(life: readonly Health[], { metadata: { uid } }: { metadata: { uid?: string } }): string[] {
  const said = life
    .filter(({ object }) => object.metadata.uid === uid)
    .map(({ kstatus, argo }) => `${kstatus} ${argo}`);
  return said.filter((each, index) => each !== said[index - 1]);
}

it(
  'backups and restores are in progress, healthy and degraded at the right moments',
  { timeout: 180_000 },
  async () => {
    const controller = await t.controller();
    const namespace = await t.namespace();
    const backups = await recordHealth(t.rig.client, QUEUE_BACKUPS, namespace);
    const restores = await recordHealth(t.rig.client, QUEUE_RESTORES, namespace);

    // What is still to be created is no failure.
    const taken = await t.backup(namespace, 'taken', { queues: { names: ['emails'] }, deletionPolicy: 'Delete' });
    await t.settled(taken, 'QueueNotFound');
    const producer = t.producer(`emails-${namespace}`);
    await producer.add('welcome', {});
    await t.queue(namespace, 'emails', { name: `emails-${namespace}` });
    await t.settled(taken, 'BackedUp');
    const encryption = { secretRef: { name: 'not-listed' } };
    const refused = await t.backup(namespace, 'refused', { queues: { names: ['emails'] }, encryption });
    await t.settled(refused, 'SecretNotPermitted');

    const from = { backup: { name: 'taken' } };
    await producer.obliterate();
    const tried = await t.restore(namespace, 'tried', { from, dryRun: true });
    await t.settled(tried, 'WouldRestore');
    await producer.add('goodbye', {});
    const occupied = await t.restore(namespace, 'occupied', { from });
    await t.settled(occupied, 'QueueNotEmpty');

    // A restore that may still begin holds its backup.
    await t.remove(occupied);
    await t.gone(occupied);
    await t.remove(taken);
    await t.gone(taken);
    await controller.stop();
    const [ofBackups, ofRestores] = await Promise.all([backups.next(), restores.next()]);
    backups.stop();
    restores.stop();
    expect(saidOf(ofBackups, taken)).toEqual(['InProgress Progressing', 'Current Healthy', 'Terminating Progressing']);
    expect(saidOf(ofBackups, refused)).toEqual(['InProgress Progressing', 'Failed Degraded']);
    expect(saidOf(ofRestores, tried)).toEqual(['InProgress Progressing', 'Current Healthy']);
    expect(saidOf(ofRestores, occupied).slice(0, 2)).toEqual(['InProgress Progressing', 'Failed Degraded']);
    expect(contradictions([...ofBackups, ...ofRestores], new Set())).toEqual([]);
  },
);
