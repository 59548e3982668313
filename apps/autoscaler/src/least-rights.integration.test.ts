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
});

// Wall 8, no silence: without notifications pools wake all the same, and metric and log say why it takes longer.
it('without the right to track keys a pool at zero wakes within seconds, and it is said which right is missing', async () => {
  const admin = new Redis({ host: t.redis.host, port: t.redis.port });
  const allow = (...rules: string[]) => admin.call('ACL', 'SETUSER', 'autoscaler', ...rules);
  await allow('reset', 'on', '>secret', ...ACL_RULES.reader.replace(' +client|tracking', '').split(' '));
  t.redisUrl = `redis://autoscaler:secret@${t.redis.host}:${t.redis.port}`;
  // Each with its own time at which it is polled every 30 s.
  const names = ['mails', 'reports', 'images'];
  for (const name of names) t.add(aPool(name, [name]));
  await t.run();
  const armed = () => t.metric('redis_queue_autoscaler_wake_ups_armed');
  await eventually(async () => (await armed())[0]?.value === 0, { timeoutMs: 20_000, description: 'the metric' });
  expect(t.logLines.join()).toMatch(/lacks a permission.*'client\|tracking' command.*does not notify of new jobs/);
  const polled = () => t.of('mails').at(-1)?.polled;
  await eventually(() => polled()?.includes("'client|tracking' command"), {
    timeoutMs: 20_000,
    description: 'the pool to say so',
  });
  const from = performance.now();
  await Promise.all(names.map((name) => t.producer(name).add('j', {})));
  await eventually(() => names.every((name) => t.replicas(name) > 0), { timeoutMs: 40_000 });
  expect(performance.now() - from).toBeLessThan(20_000);

  t.follows = false;
  await allow('+client|tracking');
  for (const name of names) {
    await admin.del(`bull:${name}:wait`);
    t.setStatus(name, { desiredReplicas: 0 });
  }
  await eventually(async () => (await armed())[0]?.value === 1, {
    timeoutMs: 60_000,
    description: 'wake-ups to be armed',
  });
  expect(t.logLines.join()).toContain('Redis notifies of new jobs again');
  await eventually(() => polled() === undefined, { timeoutMs: 40_000, description: 'the pool to say no more of it' });
  admin.disconnect();
});
