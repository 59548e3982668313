import { RESTORE_FIELD } from '@redis-queue/bullmq';
import { findCondition } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { FlowProducer } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupObject } from './backups/steps.ts';
import type { RestoreObject } from './restores/steps.ts';
import { TestCluster } from './testing/cluster.ts';

// Of several queues one cannot be read: real jobs of BullMQ, two servers of Redis, an API server and a volume.

let t: TestCluster;
let controller: RunningController;
let ns: string;
let aheadMs = 0;
beforeAll(async () => {
  t = await TestCluster.start();
  ns = await t.namespace();
  controller = await t.controller({ now: () => new Date(Date.now() + aheadMs) });
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

const some = (count: number) => Array.from({ length: count }, (_, n) => ({ name: 'j', data: { n } }));
const conditions = ({ status }: BackupObject | RestoreObject): Record<string, string> =>
  Object.fromEntries((status?.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]));
const messageOf = ({ status }: BackupObject | RestoreObject, type: string) =>
  findCondition(status?.conditions, type)?.message;
const other = { secretRef: { name: 'redis-other' } };

it('a backup by labels has the queues that can be read, says which it lacks, and so do restores of it', async () => {
  const labels = { team: 'crm' };
  const [good, bad] = [`good-${ns}`, `bad-${ns}`];
  const flows = new FlowProducer({ connection: { host: t.rig.redis.host, port: t.rig.redis.port } });
  await t.producer(good).addBulk(some(5));
  await t.redis(t.rig.redis).set(`bull:${bad}:wait`, 'no list');
  await t.queue(ns, 'good', { name: good }, labels);
  await t.queue(ns, 'bad', { name: bad }, labels);
  await t.queue(ns, 'good-to', { name: good, redis: other });
  const queues = { selector: { matchLabels: labels } };
  const backup = await t.settled(await t.backup(ns, 'part', { queues }), 'BackedUpInPart');
  expect(backup.status).toMatchObject({
    phase: 'Completed',
    jobs: 5,
    queues: [{ name: 'good' }],
    leftOut: [{ name: 'bad', reason: 'QueueUnreadable', message: expect.stringContaining(`bull:${bad}:wait`) }],
  });
  expect(conditions(backup)).toMatchObject({
    Ready: 'True BackedUpInPart',
    Complete: 'True BackedUpInPart',
    Degraded: 'True QueuesLeftOut',
  });
  await eventually(async () => (await t.rig.objects.eventsOf(backup)).some(({ reason }) => reason === 'QueuesLeftOut'));
  const partial = /^redis_queue_backup_last_partial_timestamp_seconds\{/;
  await eventually(async () => (await controller.sumOf(partial)) > 0);
  expect(await controller.sumOf(/^redis_queue_backup_last_success_timestamp_seconds\{/)).toBe(0);

  const from = { backup: { name: 'part' } };
  const named = await t.settled(await t.restore(ns, 'named', { from, queues: [{ name: 'bad' }] }), 'QueueNotInBackup');
  expect(messageOf(named, 'Ready')).toContain('since it could not be read then (QueueUnreadable');
  const one = [{ name: 'good', to: { queue: 'good-to' } }];
  const chosen = await t.settled(await t.restore(ns, 'chosen', { from, queues: one, dryRun: true }), 'WouldRestore');
  expect([chosen.status?.leftOut, conditions(chosen)['Degraded']]).toEqual([undefined, 'False AsExpected']);
  // All that there is: Queue good is empty by then.
  await t.producer(good).obliterate();
  const restored = await t.settled(await t.restore(ns, 'all', { from }), 'Restored');
  expect(restored.status?.leftOut).toMatchObject([{ name: 'bad', reason: 'QueueUnreadable' }]);
  expect(messageOf(restored, 'Ready')).toContain('the backup does not have bad (QueueUnreadable)');
  expect(conditions(restored)).toMatchObject({ Complete: 'True Restored', Degraded: 'True QueuesNotInBackup' });

  // Of a flow between both, half is refused, and what is missing named.
  const children = [{ name: 'child', queueName: `child-${ns}` }];
  await flows.add({ name: 'parent', queueName: `parent-${ns}`, children });
  await flows.close();
  await t.queue(ns, 'parent', { name: `parent-${ns}` });
  await t.queue(ns, 'child', { name: `child-${ns}` });
  await t.queue(ns, 'parent-to', { name: `parent-${ns}`, redis: other });
  await t.redis(t.rig.redis).set(`bull:child-${ns}:delayed`, 'no set');
  await t.settled(await t.backup(ns, 'flow', { queues: { names: ['parent', 'child'] } }), 'BackedUpInPart');
  const halves = [{ name: 'parent', to: { queue: 'parent-to' } }];
  const half = await t.restore(ns, 'half', { from: { backup: { name: 'flow' } }, queues: halves });
  expect(messageOf(await t.settled(half, 'OpenFlows'), 'Ready')).toContain('the backup does not have child, which');
}, 120_000);

it('an incremental backup is degraded while a restore holds one of its queues, and has it whole after that', async () => {
  const names = [`inc-a-${ns}`, `inc-b-${ns}`] as const;
  await Promise.all(names.map((name) => t.producer(name).addBulk(some(5))));
  await t.queue(ns, 'inc-a', { name: names[0] });
  await t.queue(ns, 'inc-b', { name: names[1] });
  let looks = 0;
  const backup = await t.backup(ns, 'always', {
    mode: 'Incremental',
    incremental: { every: '10s', fullEvery: '1h', keep: '1h' },
    queues: { names: ['inc-a', 'inc-b'] },
  });
  const next = async (): Promise<BackupObject> => {
    const before = (await t.read(backup)).status?.incremental?.lastPointTime;
    aheadMs += 60_000;
    await t.patch(backup, { spec: { incremental: { every: `${10 + (++looks % 2)}s` } } });
    return await eventually(async () => {
      const now = await t.read(backup);
      if (now.status?.incremental && now.status.incremental.lastPointTime !== before) return now;
      throw new Error(`still of ${before}: ${JSON.stringify(now.status?.conditions)}`);
    });
  };
  await t.settled(backup, 'PointsTaken');
  const redis = t.redis(t.rig.redis);
  await redis.hset(`bull:${names[1]}:meta`, RESTORE_FIELD, 'r-1 w-1 held');
  const without = await next();
  expect(conditions(without)).toMatchObject({ Ready: 'True PointsTaken', Degraded: 'True QueuesLeftOut' });
  expect(without.status).toMatchObject({
    jobs: 5,
    queues: [{ name: 'inc-a' }],
    leftOut: [{ name: 'inc-b', reason: 'QueueRestoring', since: expect.any(String) }],
  });
  const later = await next();
  expect(later.status?.leftOut?.[0]?.since).toBe(without.status?.leftOut?.[0]?.since);
  await eventually(async () => (await controller.sumOf(/^redis_queue_incremental_backup_queues_left_out\{/)) === 1);
  const from = { backup: { name: 'always' } };
  const gone = await t.restore(ns, 'inc-gone', { from, queues: [{ name: 'inc-b' }] });
  expect(messageOf(await t.settled(gone, 'QueueNotInBackup'), 'Ready')).toContain('an earlier spec.from.backup.at');

  await redis.hdel(`bull:${names[1]}:meta`, RESTORE_FIELD);
  const whole = await next();
  expect(whole.status).toMatchObject({ jobs: 10, incremental: { chains: [{ number: 1, points: 4 }] } });
  expect([whole.status?.leftOut, conditions(whole)['Degraded']]).toEqual([undefined, 'False AsExpected']);
  await t.queue(ns, 'inc-b-to', { name: names[1], redis: other });
  const queues = [{ name: 'inc-b', to: { queue: 'inc-b-to' } }];
  await t.settled(await t.restore(ns, 'inc-back', { from, queues }), 'Restored');
  expect(await t.producer(names[1], t.other).getWaitingCount()).toBe(5);
}, 120_000);
