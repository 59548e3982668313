import { ACL_RULES } from '@redis-queue/bullmq';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aPool } from './testing/objects.ts';
import { TestAutoscaler } from './testing/autoscaler.ts';

let t: TestAutoscaler;
beforeEach(async () => {
  t = await TestAutoscaler.start();
});
afterEach(() => t[Symbol.asyncDispose]());

it('a Redis user who may only read the queues is enough: woken from zero, sized while jobs run and fail, and back at zero', async () => {
  const admin = new Redis({ host: t.redis.host, port: t.redis.port });
  await admin.call('ACL', 'SETUSER', 'autoscaler', 'reset', 'on', '>secret', ...ACL_RULES.reader.split(' '));
  await admin.acl('LOG', 'RESET');
  t.redisUrl = `redis://autoscaler:secret@${t.redis.host}:${t.redis.port}`;
  t.add(aPool('workers', ['mails'], { behavior: { scaleDown: { stabilizationWindowSeconds: 1 } } }));
  const queue = t.producer('mails');
  await queue.setGlobalRateLimit(1_000, 1_000);
  await queue.upsertJobScheduler('hourly', { every: 3_600_000, startDate: Date.now() + 3_600_000 });
  await t.run();
  await eventually(() => t.of('workers').length > 0, { timeoutMs: 30_000 });

  await queue.addBulk(
    Array.from({ length: 40 }, (_, n) => ({ name: 'j', data: {}, opts: n % 2 === 0 ? { priority: 3 } : { delay: n } })),
  );
  await eventually(() => t.replicas('workers') > 0, { timeoutMs: 30_000 });
  const worker = t.worker('mails', async ({ id }) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (id === '2') throw new Error('no');
  });
  await eventually(async () => (await queue.getCompletedCount()) >= 39, { timeoutMs: 30_000 });
  await worker.close();
  await eventually(() => t.of('workers').some(({ signals }) => signals[0]?.errorRate !== undefined), {
    timeoutMs: 30_000,
    description: 'finished jobs to be read',
  });
  await eventually(() => t.replicas('workers') === 0, { timeoutMs: 60_000 });

  expect(await admin.acl('LOG')).toEqual([]);
  expect(await admin.client('LIST')).toMatch(/user=autoscaler/);
  expect(t.logLines.join()).not.toMatch(/NOPERM|cannot be read/);
  admin.disconnect();
}, 180_000);
