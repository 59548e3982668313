import { readdirSync } from 'node:fs';
import { QUEUE_BACKUPS, QUEUE_RESTORES } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupObject } from './backups/steps.ts';
import type { RestoreObject } from './restores/steps.ts';
import { TestCluster } from './testing/cluster.ts';

let t: TestCluster;
let controller: RunningController;
let ns: string;
beforeAll(async () => {
  t = await TestCluster.start();
  ns = await t.namespace();
  // For it, what is created now was created two minutes ago.
  controller = await t.controller({ now: () => new Date(Date.now() + 120_000) });
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

const files = (): ReadonlySet<string> => new Set(readdirSync(t.volume, { recursive: true, encoding: 'utf8' }));
const labels = { 'velero.io/restore-name': 'after-the-disaster' };

it('what Velero creates without the status of its end is Failed a minute later, and nothing was done for it', async () => {
  const name = `velero-${ns}`;
  const source = t.producer(name);
  await source.add('j', {});
  await t.queue(ns, 'orders', { name });
  await t.queue(ns, 'to', { name: `${name}-to` });
  const queues = { names: ['orders'] };
  const good = await t.settled(await t.backup(ns, 'good', { queues }), 'BackedUp');
  const before = files();

  const backup = await t.rig.objects.create<BackupObject>(
    QUEUE_BACKUPS,
    { namespace: ns, name: 'copy', labels },
    { queues, storage: { volume: {} }, deletionPolicy: 'Delete' },
  );
  const restore = await t.rig.objects.create<RestoreObject>(
    QUEUE_RESTORES,
    { namespace: ns, name: 'copy', labels },
    { from: { backup: { name: good.metadata.name } }, queues: [{ name: 'orders', to: { queue: 'to' } }] },
  );
  for (const object of [backup, restore]) {
    const { status } = await t.settled<BackupObject | RestoreObject>(object, 'RestoredByVelero');
    expect(status).toMatchObject({ phase: 'Failed', completionTime: expect.any(String) });
    expect(findCondition(status?.conditions, 'Failed')?.message).toContain('restore after-the-disaster of Velero');
  }
  expect(files()).toEqual(before);
  expect(await t.producer(`${name}-to`).getWaitingCount()).toBe(0);
  expect(await controller.sumOf(/^redis_queue_(backup|restore)_last_failure_timestamp_seconds\{/)).toBe(0);

  const from = { backup: { name: 'copy' } };
  const refused = await t.settled(await t.restore(ns, 'of-copy', { from }), 'BackupFailed');
  expect(findCondition(refused.status?.conditions, 'Ready')?.message).toContain('name the storage and the folder');
  await t.remove(backup);
  await t.gone(backup);
  const events = await t.rig.objects.eventsOf(backup);
  expect(events.find(({ reason }) => reason === 'BackupRetained')?.message).toContain('whose name begins with copy-');
});
