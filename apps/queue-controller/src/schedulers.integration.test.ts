import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from './testing/cluster.ts';

let t: TestCluster;
let controller: RunningController;
const queues: Queue[] = [];
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t, undefined, undefined, 300);
});
afterAll(async () => {
  await Promise.all(queues.map((queue) => queue.close()));
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

/** As the applications see it. */
function clientOf(name: string): Queue {
  const { host, port } = t.server;
  const queue = new Queue(name, { connection: { host, port }, skipMetasUpdate: true });
  queues.push(queue);
  return queue;
}

const idsOf = async (queue: Queue): Promise<string[]> =>
  (await queue.getJobSchedulers()).map(({ key }) => key).toSorted((a, b) => a.localeCompare(b));
const messageOf = ({ status }: StoredQueue, type: string): string | undefined =>
  status?.conditions?.find((condition) => condition.type === type)?.message;

it('schedulers are added and struck out as declared, those of others stay, and a flushed Redis gets them back', async () => {
  const queue = await t.queue(await t.namespace(), 'nightly', {
    schedulers: [
      { name: 'report', cron: '0 2 * * *', timeZone: 'Europe/Berlin', template: { data: { to: 'all' } } },
      { name: 'clean', every: '1h' },
    ],
  });
  await t.settled(queue, 'Applied');
  const client = clientOf('nightly');
  expect(await client.getJobScheduler('report')).toMatchObject({
    name: 'report',
    pattern: '0 2 * * *',
    tz: 'Europe/Berlin',
    template: { data: { to: 'all' } },
  });
  await eventually(async () =>
    (await t.eventsOf(queue)).some(
      ({ reason, message }) => reason === 'PolicyApplied' && message.includes('add the job scheduler clean'),
    ),
  );
  await client.upsertJobScheduler('theirs', { every: 3_600_000, startDate: Date.now() + 3_600_000 });
  await t.patch(queue, { spec: { schedulers: [{ name: 'clean', every: '1h' }] } });
  await t.settled(queue, 'Applied');
  expect(await idsOf(client)).toEqual(['clean', 'theirs']);
  expect(await client.getDelayedCount()).toBe(2);

  await t.redis.del('bull:nightly:repeat', 'bull:nightly:repeat:clean', 'bull:nightly:delayed', 'bull:nightly:meta');
  await eventually(async () => (await idsOf(client)).join() === 'clean');
  await t.patch(queue, { spec: { schedulers: null } });
  await t.settled(queue, 'Applied');
  expect(await idsOf(client)).toEqual([]);
});

it('every option of a template reaches its jobs, as a client reads them', async () => {
  const template = {
    name: 'report',
    data: { to: 'all' },
    opts: {
      attempts: 3,
      backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
      priority: 7,
      lifo: true,
      removeOnComplete: { age: 3_600, count: 100 },
      removeOnFail: { age: 7_200, count: 0 },
      keepLogs: 50,
      stackTraceLimit: 5,
    },
  };
  const queue = await t.queue(await t.namespace(), 'template', {
    schedulers: [{ name: 'full', every: '1h', template }],
  });
  await t.settled(queue, 'Applied');
  const [job] = await clientOf('template').getDelayed();
  const { name, data, opts } = template;
  expect(job).toMatchObject({ name, data, opts, priority: 7, repeatJobKey: 'full' });
});

it('one that cannot run is named, stays as it was, and everything else is in effect', async () => {
  const schedulers = [
    { name: 'report', cron: '0 2 * * *' },
    { name: 'clean', every: '1h' },
  ];
  const queue = await t.queue(await t.namespace(), 'broken', { schedulers });
  await t.settled(queue, 'Applied');
  const broken = { name: 'report', cron: '0 2 31 4,6 *' };
  await t.patch(queue, { spec: { schedulers: [broken], globalConcurrency: 5 } });
  const stalled = await t.settled(queue, 'SchedulerInvalid', 'Stalled');
  expect(messageOf(stalled, 'Ready')).toMatch(/^spec\.schedulers\[name=report]\.cron: "0 2 31 4,6 \*" never comes/);
  const client = clientOf('broken');
  expect(await client.getJobSchedulers()).toMatchObject([{ key: 'report', pattern: '0 2 * * *' }]);
  expect(await t.meta('broken')).toMatchObject({ concurrency: '5' });
  await t.patch(queue, { spec: { schedulers: [{ ...broken, cron: '0 3 * * *' }] } });
  await t.settled(queue, 'Applied');
  expect(await client.getJobSchedulers()).toMatchObject([{ key: 'report', pattern: '0 3 * * *' }]);
});

it('a retired queue loses its schedulers, says what is left, and is drained once it stays empty', async () => {
  const spec = { schedulers: [{ name: 'clean', every: '1h' }] };
  const queue = await t.queue(await t.namespace(), 'retired', spec);
  await t.settled(queue, 'Applied');
  const client = clientOf('retired');
  await client.add('left', {});
  await t.patch(queue, { spec: { retire: true } });
  const draining = await t.settled(queue, 'Draining', 'Drained');
  expect(messageOf(draining, 'Drained')).toMatch(/^jobs left: 1 waiting, 0 running, [01] delayed$/);
  expect(await idsOf(client)).toEqual([]);
  await eventually(async () => messageOf(await t.read(queue), 'Drained')?.endsWith('0 delayed'));
  await client.drain();
  await t.settled(queue, 'Empty', 'Drained');
  // A job that was not added now, and leaves nothing, as one that is put back: only the events tell.
  const runs = (): Promise<unknown> => t.redis.xadd('bull:retired:events', '*', 'event', 'active', 'jobId', 'x');
  await runs();
  await t.patch(queue, { spec: { globalConcurrency: 5 } });
  await eventually(async () => {
    await runs();
    return messageOf(await t.read(queue), 'Drained')?.includes('once that has lasted');
  });
  await t.patch(queue, { spec: { retire: null } });
  await eventually(async () => (await idsOf(client)).join() === 'clean');
  await t.settled(queue, 'Applied');
  expect(messageOf(await t.read(queue), 'Drained')).toBeUndefined();
});

it('a retired queue is not drained while a failed job is to run again', async () => {
  const dlqPolicy = { enabled: true, maxRetries: 3 };
  const queue = await t.queue(await t.namespace(), 'retrying', { retire: true, dlqPolicy });
  await t.settled(queue, 'Empty', 'Drained');
  const finishedOn = Date.now();
  const opts = '{"backoff":{"type":"fixed","delay":600000}}';
  await t.redis.hset('bull:retrying:j', { name: 'j', data: '{}', opts, atm: 1, failedReason: 'x', finishedOn });
  await t.redis.zadd('bull:retrying:failed', finishedOn, 'j');
  await t.patch(queue, { spec: { globalConcurrency: 5 } });
  const draining = await t.settled(queue, 'Draining', 'Drained');
  expect(messageOf(draining, 'Drained')).toContain('failed jobs: 1, which dlqPolicy runs again');
});

it('a Queue that goes if it is empty goes with its schedulers, and they run no more where jobs keep the data', async () => {
  const namespace = await t.namespace();
  const deletionPolicy = 'DeleteIfEmpty' as const;
  const spec = { deletionPolicy, schedulers: [{ name: 'tick', every: '1h' }] };
  const stored = await Promise.all(['idle', 'used'].map((name) => t.queue(namespace, name, spec)));
  await Promise.all(stored.map((queue) => t.settled(queue, 'Applied')));
  await clientOf('used').add('left', {});
  await Promise.all(stored.map((queue) => t.remove(queue)));
  await Promise.all(stored.map((queue) => t.gone(queue)));
  expect(await t.redis.keys('bull:idle:*')).toEqual([]);
  expect(await idsOf(clientOf('used'))).toEqual([]);
  expect(await clientOf('used').getWaitingCount()).toBe(1);
});
