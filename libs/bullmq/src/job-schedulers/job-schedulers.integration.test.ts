import { Queue as QueueOf5, Worker as WorkerOf5 } from 'bullmq-5';
import type { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listedSchedulers, readSchedulers, removeScheduler, upsertScheduler } from './job-schedulers.ts';
import { SCHEDULERS_FIELD, type JobScheduler } from './definition.ts';
import type { QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { readQueuePolicy } from '../policy/policy.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const OWNER = 'c1/shop/emails';
const fence = { owner: OWNER, mark: 'A' };
const NIGHTLY: JobScheduler = {
  name: 'nightly',
  schedule: { cron: '0 2 * * *', timeZone: 'Asia/Tokyo' },
  jobName: 'report',
  data: '{"to":["all"],"none":[]}',
  opts: { attempts: 3, priority: 5, removeOnFail: { count: 10 } },
};
const secondly = (name: string, seconds = 1): JobScheduler => ({
  name,
  schedule: { cron: `*/${seconds} * * * * *`, timeZone: 'UTC' },
  jobName: name,
  data: '{}',
  opts: {},
});

interface Place {
  readonly ref: QueueRef;
  readonly queue: Queue;
  readonly upsert: (scheduler: JobScheduler) => ReturnType<typeof upsertScheduler>;
  readonly remove: (name: string) => ReturnType<typeof removeScheduler>;
  /** The state of one. */
  readonly state: (scheduler: JobScheduler) => Promise<string | undefined>;
  readonly listed: (owner?: string) => Promise<string[]>;
  /** The id of the job of the next run. */
  readonly nextJob: (name?: string) => Promise<string>;
}

async function place(name: string): Promise<Place> {
  const ref = { prefix: 'bull', name };
  const queue = t.producer(ref);
  await queue.waitUntilReady();
  await t.redis.hset(`bull:${name}:meta`, OWNER_FIELD, 'A');
  return {
    ref,
    queue,
    upsert: (scheduler) => upsertScheduler(t.redis, ref, scheduler, fence),
    remove: (scheduler) => removeScheduler(t.redis, ref, scheduler, fence),
    state: async (scheduler) => (await readSchedulers(t.redis, ref, [scheduler])).get(scheduler.name),
    listed: async (owner = OWNER) => listedSchedulers((await readQueuePolicy(t.redis, ref)).schedulerList, owner),
    nextJob: async (scheduler = 'nightly') =>
      `repeat:${scheduler}:${await t.redis.zscore(`bull:${name}:repeat`, scheduler)}`,
  };
}

/** The whole of a queue in Redis, but for what only clients and events move. */
async function contents(ref: QueueRef): Promise<unknown> {
  const keys = (await t.redis.keys(`bull:${ref.name}:*`)).toSorted();
  return Promise.all(keys.map(async (key) => [key, (await t.redis.dumpBuffer(key))?.toString('base64')]));
}

test('is written as the clients of BullMQ 5 and 6 write it, and lists it', async () => {
  const [ours, theirs] = await Promise.all([place('ours'), place('theirs')]);
  expect(await ours.state(NIGHTLY)).toBe('absent');
  expect(await ours.upsert(NIGHTLY)).toBe('done');
  expect(await ours.state(NIGHTLY)).toBe('holds');
  const { opts, schedule } = NIGHTLY;
  const pattern = 'cron' in schedule ? schedule.cron : '';
  await theirs.queue.upsertJobScheduler(
    'nightly',
    { pattern, tz: 'Asia/Tokyo' },
    { name: 'report', data: JSON.parse(NIGHTLY.data) as object, opts },
  );
  const [listed] = await ours.queue.getJobSchedulers();
  expect(listed).toEqual((await theirs.queue.getJobSchedulers())[0]);
  const five = new QueueOf5('ours', { connection: t.target, skipMetasUpdate: true });
  expect(await five.getJobSchedulers()).toMatchObject([{ key: 'nightly', name: 'report', pattern, tz: 'Asia/Tokyo' }]);
  await five.close();

  const id = await ours.nextJob();
  expect(await theirs.nextJob()).toBe(id);
  const [job, other] = await Promise.all(
    ['ours', 'theirs'].map(async (name) => {
      const { timestamp, delay, opts: text, ...rest } = await t.redis.hgetall(`bull:${name}:${id}`);
      const { timestamp: inOpts, delay: delayInOpts, ...others } = JSON.parse(text!) as Record<string, unknown>;
      // BullMQ's client takes them some ms earlier.
      expect([inOpts, delayInOpts]).toEqual([expect.any(Number), expect.any(Number)]);
      expect(Number(timestamp) + Number(delay)).toBe(Number(id.split(':')[2]));
      return { ...rest, opts: others };
    }),
  );
  expect(job).toEqual(other);
  const scores = ['ours', 'theirs'].map((name) => t.redis.zscore(`bull:${name}:delayed`, id));
  expect(new Set(await Promise.all(scores)).size).toBe(1);
  expect(await t.redis.zscore('bull:ours:marker', '1')).toBe(await t.redis.zscore('bull:theirs:marker', '1'));
  const kinds = async (name: string): Promise<unknown[]> =>
    (await t.redis.xrange(`bull:${name}:events`, '-', '+')).map(([, fields]) => fields);
  expect(await kinds('ours')).toEqual(await kinds('theirs'));
  expect(await ours.queue.getJobCounts('delayed', 'waiting')).toEqual({ delayed: 1, waiting: 0 });
});

test('one that is as it should be is left alone, whoever wrote it', async () => {
  const { ref, queue, upsert, nextJob, listed } = await place('quiet');
  await upsert(NIGHTLY);
  const before = await contents(ref);
  expect(await upsert(NIGHTLY)).toBe('done');
  expect(await contents(ref)).toEqual(before);

  const template = { name: 'report', data: JSON.parse(NIGHTLY.data) as object, opts: NIGHTLY.opts };
  await queue.upsertJobScheduler('theirs', { pattern: '0 2 * * *', tz: 'Asia/Tokyo' }, template);
  const id = await nextJob('theirs');
  const job = await t.redis.hgetall(`bull:quiet:${id}`);
  await upsert({ ...NIGHTLY, name: 'theirs' });
  expect(await nextJob('theirs')).toBe(id);
  expect(await t.redis.hgetall(`bull:quiet:${id}`)).toMatchObject({ name: 'report', data: job['data'] });
  expect(await listed()).toEqual(['nightly', 'theirs']);
  expect(await queue.getDelayedCount()).toBe(2);
});

test('a new template keeps the next run; other times move it, and leave no job behind', async () => {
  const { queue, upsert, nextJob, state } = await place('changes');
  await upsert(NIGHTLY);
  const id = await nextJob();
  const changed = { ...NIGHTLY, data: '{"to":"none"}', opts: { priority: 7 } };
  expect(await state(changed)).toBe('differs');
  await upsert(changed);
  expect(await nextJob()).toBe(id);
  expect(await queue.getJob(id)).toMatchObject({ data: { to: 'none' }, priority: 7, opts: { priority: 7 } });
  expect((await queue.getJob(id))?.opts).toMatchObject({ attempts: 0 });

  await upsert({ ...changed, schedule: { cron: '0 3 * * *', timeZone: 'Asia/Tokyo' } });
  expect(await nextJob()).not.toBe(id);
  expect(await queue.getJob(id)).toBeUndefined();
  expect((await queue.getDelayed()).map((job) => job.id)).toEqual([await nextJob()]);
  expect(await t.redis.hget('bull:changes:repeat:nightly', 'pattern')).toBe('0 3 * * *');

  await upsert({ ...changed, schedule: { everyMs: 3_600_000 } });
  expect(Number((await nextJob()).split(':')[2]) % 3_600_000).toBe(0);
  expect(await queue.getDelayedCount()).toBe(1);
  expect(Object.keys(await t.redis.hgetall('bull:changes:repeat:nightly')).toSorted()).toEqual(
    ['name', 'data', 'opts', 'every', 'offset', 'ic'].toSorted(),
  );
});

test('a run that is due is not lost when its template or its times change, and is not doubled', async () => {
  const { queue, upsert, nextJob } = await place('due');
  await upsert(secondly('tick'));
  const id = await nextJob('tick');
  const isDue = async (): Promise<boolean> => Number((await t.redis.time())[0]) * 1_000 > Number(id.split(':')[2]);
  await expect.poll(isDue, { timeout: 5_000 }).toBe(true);
  const changed = { ...secondly('tick'), data: '{"v":2}', schedule: { cron: '0 0 1 1 *', timeZone: 'UTC' } };
  await upsert(changed);
  expect((await queue.getDelayed()).map((job) => job.id)).toEqual([id]);
  const ran: unknown[] = [];
  t.worker({ prefix: 'bull', name: 'due' }, (job) => Promise.resolve(void ran.push([job.id, job.data])));
  await expect.poll(() => ran).toEqual([[id, { v: 2 }]]);
  // By the new times, as the worker makes it.
  await expect
    .poll(async () => new Date(Number((await nextJob('tick')).split(':')[2])).toISOString())
    .toMatch(/-01-01T00:00:00.000Z$/);
});

test('a job that a worker has taken is left to it, and the next run is made from the new definition', async () => {
  const { queue, upsert, nextJob, state } = await place('taken');
  await upsert(secondly('tick'));
  const [started, gate] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const worker = t.worker({ prefix: 'bull', name: 'taken' }, async (job) => {
    started.resolve(job.id!);
    await gate.promise;
  });
  const id = await started.promise;
  // Between the two steps of a worker: it has the job, and has not made the next one.
  await t.redis.zadd('bull:taken:repeat', Number(id.split(':')[2]), 'tick');
  await t.redis.zremrangebyrank('bull:taken:delayed', 0, -1);
  expect(await state(secondly('tick'))).toBe('holds');
  const changed: JobScheduler = { ...secondly('tick'), data: '{"v":2}', schedule: { everyMs: 3_600_000 } };
  await upsert(changed);
  expect(await queue.getJob(id)).toMatchObject({ data: {} });
  expect(await queue.getJob(await nextJob('tick'))).toMatchObject({ data: { v: 2 } });
  gate.resolve();
  await worker.close();
  expect((await queue.getDelayed()).map((job) => job.id)).toEqual([await nextJob('tick')]);
});

test('a scheduler whose next job is gone, or is over, is stopped; it goes on with its next run', async () => {
  const { queue, upsert, nextJob, state } = await place('stopped');
  await upsert(NIGHTLY);
  const id = await nextJob();
  await t.redis.zrem('bull:stopped:delayed', id);
  await t.redis.hset(`bull:stopped:${id}`, 'finishedOn', 1);
  expect(await state(NIGHTLY)).toBe('stopped');
  await upsert(NIGHTLY);
  // The run of that time was over: by a worker whose clock is ahead.
  expect(Number((await nextJob()).split(':')[2])).toBe(Number(id.split(':')[2]) + 86_400_000);
  const next = await nextJob();
  await t.redis.zrem('bull:stopped:delayed', next);
  await t.redis.del(`bull:stopped:${next}`, `bull:stopped:${id}`);
  expect(await state(NIGHTLY)).toBe('stopped');
  await upsert(NIGHTLY);
  expect(await state(NIGHTLY)).toBe('holds');
  expect((await queue.getDelayed()).map((job) => job.id)).toEqual([await nextJob()]);
});

test('a run whose job exists already, of a former scheduler, is left out; where all that come next exist, it says so', async () => {
  const { upsert, nextJob } = await place('slots');
  const every: JobScheduler = { ...secondly('tick'), schedule: { everyMs: 3_600_000 } };
  const first = Math.ceil(Date.now() / 3_600_000) * 3_600_000;
  const finish = (hours: number): Promise<number> =>
    t.redis.hset(`bull:slots:repeat:tick:${first + hours * 3_600_000}`, 'finishedOn', 1);
  await Promise.all([0, 1, 2].map(finish));
  expect(await upsert(every)).toBe('done');
  expect(await nextJob('tick')).toBe(`repeat:tick:${first + 3 * 3_600_000}`);
  await t.redis.unlink('bull:slots:repeat', 'bull:slots:repeat:tick');
  await Promise.all(Array.from({ length: 30 }, (_, hours) => finish(hours)));
  expect(await upsert(every)).toBe('noRun');
  expect(await t.redis.exists('bull:slots:repeat', 'bull:slots:repeat:tick')).toBe(0);
});

describe('only what is ours is removed', () => {
  test('one of the list goes with its next job, and others stay', async () => {
    const { queue, upsert, remove, listed, nextJob } = await place('removed');
    await queue.upsertJobScheduler('theirs', { every: 3_600_000, startDate: Date.now() + 3_600_000 });
    await upsert(NIGHTLY);
    await upsert({ ...NIGHTLY, name: 'second' });
    expect(await remove('theirs')).toBe('done');
    expect(await remove('nightly')).toBe('done');
    expect((await queue.getJobSchedulers()).map(({ key }) => key).toSorted()).toEqual(['second', 'theirs']);
    expect(new Set((await queue.getDelayed()).map((job) => job.id))).toEqual(
      new Set([await nextJob('second'), await nextJob('theirs')]),
    );
    expect(await listed()).toEqual(['second']);
    await remove('second');
    expect(await t.redis.hexists('bull:removed:meta', SCHEDULERS_FIELD)).toBe(0);
    expect(await t.redis.keys('bull:removed:repeat:second*')).toEqual([]);
  });

  test("another owner's list names none, and is replaced", async () => {
    const { ref, upsert, listed, remove } = await place('inherited');
    await upsert(NIGHTLY);
    expect(await listed('c1/other/emails')).toEqual([]);
    const heir = { owner: 'c1/other/emails', mark: 'A' };
    expect(await removeScheduler(t.redis, ref, 'nightly', heir)).toBe('done');
    expect(await t.redis.zcard('bull:inherited:repeat')).toBe(1);
    await upsertScheduler(t.redis, ref, secondly('second', 59), heir);
    expect([await listed(), await listed(heir.owner)]).toEqual([[], ['second']]);
    await remove('nightly');
    expect(await t.redis.zcard('bull:inherited:repeat')).toBe(2);
  });

  test('nothing is written under another mark', async () => {
    const { ref, upsert } = await place('fenced');
    await upsert(NIGHTLY);
    const before = await contents(ref);
    const late = { owner: OWNER, mark: 'B' };
    expect(await upsertScheduler(t.redis, ref, { ...NIGHTLY, data: '{"v":9}' }, late)).toBe('ownershipLost');
    expect(await removeScheduler(t.redis, ref, 'nightly', late)).toBe('ownershipLost');
    expect(await contents(ref)).toEqual(before);
  });
});

test('keys of another type, and texts of any length, stop the one scheduler, and are never sent', async () => {
  const { upsert, state, listed } = await place('hostile');
  await upsert(NIGHTLY);
  await t.redis.hset('bull:hostile:repeat:nightly', 'data', 'x'.repeat(1_000_000));
  expect(await state(NIGHTLY)).toBe('differs');
  await t.redis.hset('bull:hostile:meta', SCHEDULERS_FIELD, `${OWNER}\n${'x\n'.repeat(50_000)}`);
  expect(await listed()).toEqual([]);
  await upsert(NIGHTLY);
  expect([await state(NIGHTLY), await listed()]).toEqual(['holds', ['nightly']]);
  await t.redis.zadd('bull:hostile:repeat', 'inf', 'nightly');
  expect(await state(NIGHTLY)).toBe('absent');
  await t.redis.del('bull:hostile:delayed');
  await t.redis.set('bull:hostile:delayed', 'x');
  await expect(upsert({ ...NIGHTLY, name: 'other' })).rejects.toThrow('WRONGTYPE');
  expect(await t.redis.hexists('bull:hostile:repeat:other', 'name')).toBe(0);
});

describe('workers of both versions', () => {
  test.concurrent.each([5, 6])(
    'of BullMQ %i run each time once while many writers change its template',
    async (version) => {
      const name = `workers-${version}`;
      const { ref, upsert, queue } = await place(name);
      const runs: { scheduler: string; slot: number; v: number }[] = [];
      const process = (job: { id?: string; name: string; data: { v?: number } }): Promise<void> => {
        runs.push({ scheduler: job.name, slot: Number(job.id?.split(':')[2]), v: job.data.v ?? 0 });
        return Promise.resolve();
      };
      const workers =
        version === 6
          ? [t.worker(ref, process, { concurrency: 3 }), t.worker(ref, process)]
          : [0, 1].map(() => new WorkerOf5(name, process, { connection: { ...t.target, maxRetriesPerRequest: null } }));
      const every: JobScheduler = { ...secondly('every'), schedule: { everyMs: 1_000 } };
      const startMs = Date.now();
      for (let v = 1; Date.now() < startMs + 5_000; v++) {
        const data = JSON.stringify({ v: Math.ceil(v / 5) });
        const both = [secondly('cron'), every].map((each) => ({ ...each, data }));
        // oxlint-disable-next-line no-await-in-loop -- three writers at once, again and again
        await Promise.all([...both, ...both, ...both].map(upsert));
      }
      await Promise.all(workers.map((worker) => worker.close()));
      for (const scheduler of ['cron', 'every']) {
        const slots = runs.filter((run) => run.scheduler === scheduler).map(({ slot }) => slot);
        expect(slots.length).toBeGreaterThanOrEqual(3);
        expect(slots).toEqual(slots.map((_, index) => slots[0]! + index * 1_000));
      }
      expect(Math.max(...runs.map(({ v }) => v))).toBeGreaterThan(1);
      expect(await queue.getDelayedCount()).toBe(2);
    },
  );
});
