import { valkeyServer } from '@redis-queue/rig';
import { FlowProducer, Worker, type Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QueueRef } from '../redis/keys.ts';
import { HOUR } from '../testing/test-retention.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { comparable, Increments } from './changes.fixture.ts';
import { readChangedJobs } from './changed-jobs.ts';
import { JobDigests, TooManyJobsError } from './job-digests.ts';
import { QueueReads } from './queue-reads.ts';
import type { QueueRecord } from './records.ts';
import { snapshotQueue, type SnapshotOptions } from './snapshot-queue.ts';
import { takeSnapshot } from './snapshot.fixture.ts';

// The contract of an increment: it has exactly the jobs that changed, and together with those before it is a full backup.

let t: TestRedis;
let flows: FlowProducer;
beforeAll(async () => {
  t = await testRedis();
  flows = new FlowProducer({ connection: t.redis });
  flows.on('error', () => {});
});
afterAll(async () => {
  await flows.close();
  await t[Symbol.asyncDispose]();
});

const PAGES = { maxEntriesInOneStep: 0, pageSize: 3 };
const TOKEN = 'token';

/** A queue, and a worker that takes jobs one by one. */
interface Scene {
  readonly ref: QueueRef;
  readonly queue: Queue;
  readonly worker: Worker;
  readonly key: (suffix: string) => string;
  /** Begins the job that is due next. */
  readonly begin: () => Promise<Job>;
  /** Adds job `a`, and begins it. */
  readonly active: (options?: object) => Promise<Job>;
}

function sceneOf(ref: QueueRef): Scene & AsyncDisposable {
  const queue = t.producer(ref);
  const worker = new Worker(ref.name, null, {
    prefix: ref.prefix,
    connection: { ...t.target, maxRetriesPerRequest: null },
    autorun: false,
  });
  worker.on('error', () => {});
  const begin = async (): Promise<Job> => {
    const job = (await worker.getNextJob(TOKEN, { block: false })) as Job | undefined;
    if (!job) throw new Error('no job is due');
    return job;
  };
  return {
    ref,
    queue,
    worker,
    key: (suffix) => `${ref.prefix}:${ref.name}:${suffix}`,
    begin,
    async active(options = {}) {
      await queue.add('a', { n: 1 }, { jobId: 'a', ...options });
      return await begin();
    },
    [Symbol.asyncDispose]: () => worker.close(true),
  };
}

interface Mutation<Prepared> {
  readonly name: string;
  readonly prepare: (scene: Scene) => Promise<Prepared>;
  readonly change: (scene: Scene, prepared: Prepared) => Promise<unknown>;
  /** Jobs that the increment has, or how many. */
  readonly changed: readonly string[] | number;
}
const mutation = <Prepared>(
  name: string,
  changed: readonly string[] | number,
  prepare: Mutation<Prepared>['prepare'],
  change: Mutation<Prepared>['change'],
): Mutation<unknown> => ({ name, changed, prepare, change }) as Mutation<unknown>;

const waiting = ({ queue }: Scene): Promise<Job> => queue.add('a', { n: 1 }, { jobId: 'a' });
const delayed = ({ queue }: Scene): Promise<Job> => queue.add('a', {}, { jobId: 'a', delay: HOUR });
const failed = async (scene: Scene): Promise<Job> => {
  const job = await scene.active();
  await job.moveToFailed(new Error('once'), TOKEN, false);
  return job;
};
/** Parent `p` with children `c` and `d`, of which `c` is the first to run. */
const family =
  (options: object = {}) =>
  async ({ ref }: Scene): Promise<void> => {
    const child = (id: string) => ({ name: id, queueName: ref.name, opts: { jobId: id, ...options } });
    const opts = { jobId: 'p' };
    await flows.add({ name: 'p', queueName: ref.name, prefix: ref.prefix, opts, children: [child('c'), child('d')] });
  };
const childFails = async ({ begin }: Scene): Promise<void> =>
  void (await (await begin()).moveToFailed(new Error('no'), TOKEN, false));

const MUTATIONS: readonly Mutation<unknown>[] = [
  mutation('nothing', [], waiting, () => Promise.resolve()),
  mutation('a new job', ['b'], waiting, ({ queue }) => queue.add('b', {}, { jobId: 'b' })),
  mutation('a new job that goes first', ['b'], waiting, ({ queue }) => queue.add('b', {}, { jobId: 'b', lifo: true })),
  mutation('data', ['a'], waiting, (_, job) => job.updateData({ n: 2 })),
  mutation('data that changes back', [], waiting, async (_, job) => {
    await job.updateData({ n: 2 });
    await job.updateData({ n: 1 });
  }),
  mutation('a log', ['a'], waiting, (_, job) => job.log('a line')),
  mutation(
    'another log of as many lines',
    ['a'],
    async (scene) => {
      const job = await waiting(scene);
      await job.log('one');
      return job;
    },
    async (_, job) => {
      await job.clearLogs();
      await job.log('two');
    },
  ),
  mutation('progress', ['a'], waiting, (_, job) => job.updateProgress(50)),
  mutation('another delay', ['a'], delayed, (_, job) => job.changeDelay(2 * HOUR)),
  mutation('a promotion', ['a'], delayed, (_, job) => job.promote()),
  mutation('a priority', ['a'], waiting, (_, job) => job.changePriority({ priority: 3 })),
  mutation(
    'a place in line, which the job does not know',
    [],
    async (scene) => {
      const job = await waiting(scene);
      await scene.queue.add('b', {}, { jobId: 'b' });
      return job;
    },
    (_, job) => job.changePriority({ priority: 0 }),
  ),
  mutation('a beginning', ['a'], waiting, ({ begin }) => begin()),
  mutation(
    'an end',
    ['a'],
    (scene) => scene.active(),
    (_, job) => job.moveToCompleted({ the: 'result' }, TOKEN, false),
  ),
  mutation(
    'an attempt that failed',
    ['a'],
    (scene) => scene.active({ attempts: 3 }),
    (_, job) => job.moveToFailed(new Error('again'), TOKEN, false),
  ),
  mutation(
    'an attempt that is put off',
    ['a'],
    (scene) => scene.active({ attempts: 3, backoff: { type: 'fixed', delay: HOUR } }),
    (_, job) => job.moveToFailed(new Error('later'), TOKEN, false),
  ),
  mutation('a retry', ['a'], failed, (_, job) => job.retry('failed')),
  mutation('a removal', [], waiting, (_, job) => job.remove()),
  mutation('another job of the same id', ['a'], waiting, async ({ queue }, job) => {
    await job.remove();
    await queue.add('a', { n: 2 }, { jobId: 'a' });
  }),
  mutation(
    'a parent that waits for a new child',
    ['a', 'c'],
    (scene) => scene.active(),
    async ({ queue, ref }, job) => {
      const parent = { id: 'a', queue: `${ref.prefix}:${ref.name}` };
      await queue.add('c', {}, { jobId: 'c', parent });
      await job.moveToWaitingChildren(TOKEN);
    },
  ),
  mutation('a child that ends', ['c', 'p'], family(), async ({ begin }) =>
    (await begin()).moveToCompleted('good', TOKEN, false),
  ),
  mutation('a child that fails, of which the parent is not told', ['c'], family(), childFails),
  mutation('a child that fails before others end', ['c', 'p'], family({ continueParentOnFailure: true }), childFails),
  mutation('a child that fails and is ignored', ['c', 'p'], family({ ignoreDependencyOnFailure: true }), childFails),
  mutation('a child that fails and is let go', ['c', 'p'], family({ removeDependencyOnFailure: true }), childFails),
  mutation('a child that fails with its parent', ['c', 'p'], family({ failParentOnFailure: true }), childFails),
  mutation('a child that is removed', ['p'], family(), async ({ queue }) => (await queue.getJob('c'))!.remove()),
  mutation(
    'a run of a job scheduler, which adds the next one',
    2,
    ({ queue }) => queue.upsertJobScheduler('s', { every: HOUR }, { name: 'tick' }),
    async ({ begin }) => (await begin()).moveToCompleted('ticked', TOKEN, false),
  ),
  mutation('a job scheduler', 1, waiting, ({ queue }) => queue.upsertJobScheduler('s', { every: HOUR })),
  mutation(
    'a deduplication of a job that stays',
    [],
    (scene) => scene.active({ deduplication: { id: 'x', keepLastIfActive: true } }),
    ({ queue }) => queue.add('next', { the: 'last' }, { deduplication: { id: 'x', keepLastIfActive: true } }),
  ),
  mutation(
    'a deduplication that is ended',
    [],
    ({ queue }) => queue.add('a', {}, { jobId: 'a', deduplication: { id: 'x' } }),
    ({ queue }) => queue.removeDeduplicationKey('x'),
  ),
  mutation('a pause', [], waiting, ({ queue }) => queue.pause()),
  mutation('a field that is not of BullMQ', ['a'], waiting, ({ key }) => t.redis.hset(key('a'), 'of', 'others')),
  mutation(
    'the same fields in another order, as after a restart of Redis',
    [],
    async ({ queue, key }) => {
      await queue.add('a', {}, { jobId: 'a' });
      await queue.add('b', {}, { jobId: 'b' });
      await t.redis.hset(key('b'), 'of', 'others');
    },
    async ({ key }) => {
      for (const id of ['a', 'b']) {
        const fields = Object.entries(await t.redis.hgetall(key(id))).toReversed();
        await t.redis
          .multi()
          .del(key(id))
          .hset(key(id), ...fields.flat())
          .exec();
        const [first] = Object.keys(await t.redis.hgetall(key(id)));
        if (first !== fields[0]![0]) throw new Error('the order is as it was');
      }
    },
  ),
  mutation(
    'texts that are the same one after the other',
    ['a', 'b'],
    async ({ queue, key }) => {
      for (const id of ['a', 'b']) await queue.add(id, {}, { jobId: id });
      await t.redis.hset(key('a'), 'f', 'gh');
      await t.redis.rpush(key('b:logs'), 'one', 'two');
    },
    async ({ key }) => {
      await t.redis.multi().hdel(key('a'), 'f').hset(key('a'), 'fg', 'h').exec();
      await t.redis.multi().del(key('b:logs')).rpush(key('b:logs'), 'onetwo').exec();
    },
  ),
  mutation('a value that goes from one field to another', ['a'], waiting, async ({ key }) => {
    await t.redis.multi().hdel(key('a'), 'delay').hset(key('a'), 'stc', '0').exec();
  }),
  mutation('bytes that are no text', ['a'], waiting, ({ key }) =>
    t.redis.hset(key('a'), 'returnvalue', Buffer.from([0xff, 0x00])),
  ),
  mutation(
    'a large job',
    ['large'],
    async ({ queue }) => {
      await queue.add('small', {}, { jobId: 'small' });
      await queue.add('other', { text: 'x'.repeat(3_000_000) }, { jobId: 'other', deduplication: { id: 'x' } });
      await queue.add('middle', { text: 'x'.repeat(1_200_000) }, { jobId: 'middle' });
      return await queue.add('large', { text: 'x'.repeat(3_000_000) }, { jobId: 'large' });
    },
    (_, job) => job.log('a line'),
  ),
  mutation(
    'a job of many children',
    ['a'],
    async ({ queue, key }) => {
      for (const id of ['a', 'b']) {
        await queue.add(id, {}, { jobId: id });
        for (let at = 0; at < 8_000; at += 1_000)
          await t.redis.sadd(key(`${id}:dependencies`), ...Array.from({ length: 1_000 }, (_, n) => `bull:q:${at + n}`));
      }
    },
    ({ key }) => t.redis.srem(key('a:dependencies'), 'bull:q:4711'),
  ),
];

describe.each([
  ['at one instant', 'once', {}],
  ['page by page', 'pages', PAGES],
])('an increment that is read %s has what changed, and no more:', (_, way, options: Partial<SnapshotOptions>) => {
  test.concurrent.each(MUTATIONS.map((each, n) => ({ ...each, n })))(
    '$name',
    async ({ n, prepare, change, changed }) => {
      await using scene = sceneOf({ prefix: 'bull', name: `${way}-${n}` });
      await scene.queue.addBulk(
        Array.from({ length: 5 }, (__, at) => ({
          name: 'other',
          data: {},
          opts: { jobId: `other-${at}`, delay: HOUR },
        })),
      );
      const increments = new Increments(t.redis, scene.ref, options);
      const prepared = await prepare(scene);
      await increments.take();
      await change(scene, prepared);
      const ids = await increments.take();
      expect(typeof changed === 'number' ? ids.length : ids).toEqual(changed);
      expect(comparable(increments.merged())).toEqual(comparable(await takeSnapshot(t.redis, scene.ref)));
      increments.forget();
      expect(await increments.take()).toEqual([]);
      expect(comparable(increments.merged())).toEqual(comparable(await takeSnapshot(t.redis, scene.ref)));
    },
  );
});

test('the end says how many jobs there are, and how many of them have changed', async () => {
  const ref = { prefix: 'bull', name: 'counted' };
  const queue = t.producer(ref);
  const jobs = await queue.addBulk(Array.from({ length: 250 }, () => ({ name: 'j', data: {} })));
  const [known, next] = [new JobDigests(), new JobDigests()];
  const full = await takeSnapshot(t.redis, ref, { changes: { known: new JobDigests(), next: known } });
  expect(full.end).toMatchObject({ jobs: 250, changed: 250, counts: { waiting: 250 } });
  expect(known.size).toBe(250);
  await jobs[7]!.updateData({ n: 1 });
  await jobs[8]!.remove();
  const { end } = await takeSnapshot(t.redis, ref, { changes: { known, next } });
  expect(end).toMatchObject({ jobs: 249, changed: 1, counts: { waiting: 249 } });
  expect(next.size).toBe(249);
});

test('a job that changes back while states are walked is not left as it was in between', async () => {
  const ref = { prefix: 'bull', name: 'back' };
  await using scene = sceneOf(ref);
  const { queue, key } = scene;
  const job = await queue.add('a', { n: 1 }, { jobId: 'a' });
  const before = await t.redis.hgetall(key('a'));
  const increments = new Increments(t.redis, ref, PAGES);
  await increments.take();
  await job.updateData({ n: 2 });
  const ids = await increments.take({
    onProgress: () => {
      // As if it had ended with nothing else to tell, behind the walk of what waits and before that of what has ended.
      void t.redis.multi().hset(key('a'), before).lrem(key('wait'), 0, 'a').zadd(key('completed'), 1, 'a').exec();
    },
  });
  expect(ids).toEqual(['a']);
  expect(increments.merged().jobs.get('a')!.hash['data']).toBe('{"n":1}');
});

test('a job that another read has given meanwhile is asked for again', async () => {
  const ref = { prefix: 'bull', name: 'meanwhile' };
  await using scene = sceneOf(ref);
  const added = await scene.queue.addBulk(
    Array.from({ length: 200 }, (_, n) => ({ name: 'j', data: {}, opts: { jobId: `j-${n}` } })),
  );
  const known = new JobDigests();
  await takeSnapshot(t.redis, ref, { changes: { known: new JobDigests(), next: known } });
  const changes = { known, next: new JobDigests() };
  const signal = AbortSignal.timeout(10_000);
  const reads = new QueueReads(t.redis, ref, { signal, now: () => 0, sleep: () => Promise.resolve() });
  const ids = added.map(({ id }) => id!);
  const given = new Map<string, string>();
  // Two reads are under way: the one of the last jobs has been sent when the first ones come.
  const all = readChangedJobs(reads, ids, changes);
  await all.next();
  await added[199]!.updateData({ n: 2 });
  for await (const { jobs } of readChangedJobs(reads, ['j-199'], changes))
    for (const { id, hash } of jobs) given.set(id, hash['data'] as string);
  await added[199]!.updateData({});
  for await (const { jobs } of all) for (const { id, hash } of jobs) given.set(id, hash['data'] as string);
  expect([...given]).toEqual([['j-199', '{}']]);
  expect(changes.next.get('j-199')).toBe(known.get('j-199'));
});

test('a queue of more jobs than digests are held of is refused before it is read', async () => {
  const ref = { prefix: 'bull', name: 'many' };
  await t.producer(ref).addBulk(Array.from({ length: 11 }, () => ({ name: 'j', data: {} })));
  const changes = { known: new JobDigests(), next: new JobDigests({ limit: 10 }) };
  const read: QueueRecord[] = [];
  const reading = (async () => {
    for await (const records of snapshotQueue(t.redis, ref, { signal: AbortSignal.timeout(10_000), changes }))
      read.push(...records);
  })();
  await expect(reading).rejects.toThrow(TooManyJobsError);
  expect(read).toEqual([]);
});

test('Valkey has the same digest of the same job, and each job another', async () => {
  await using valkey = await testRedis([], await valkeyServer());
  const ref = { prefix: 'bull', name: 'same' };
  const digestsOn = async ({ redis }: TestRedis): Promise<(string | undefined)[]> => {
    for (const id of ['1', '2', '3']) {
      await redis.hset(`bull:same:${id}`, 'name', 'job', 'data', '{}', ...(id === '3' ? ['of', 'others'] : []));
      await redis.sadd(`bull:same:${id}:dependencies`, 'one', 'two');
      await redis.rpush('bull:same:wait', id);
    }
    const { jobs } = await takeSnapshot(redis, ref, { changes: { known: new JobDigests(), next: new JobDigests() } });
    return ['1', '2', '3'].map((id) => jobs.get(id)!.digest);
  };
  const digests = await digestsOn(t);
  expect(new Set(digests).size).toBe(3);
  expect(await digestsOn(valkey)).toEqual(digests);
});

test('one call takes Redis no longer than it may, whatever jobs hold', async () => {
  // A Redis of its own, whose processor time is for this alone.
  await using own = await testRedis();
  const ref = { prefix: 'bull', name: 'heavy' };
  const queue = own.producer(ref);
  await queue.addBulk(Array.from({ length: 30 }, (_, n) => ({ name: 'j', data: {}, opts: { jobId: `j-${n}` } })));
  const fill = own.redis.pipeline();
  for (let n = 0; n < 30; n++) {
    // Small elements take little memory, and as much time to sort as others.
    if (n % 3 === 0) fill.sadd(`bull:heavy:j-${n}:dependencies`, ...Array.from({ length: 3_000 }, (_, at) => at));
    else if (n % 3 === 1) fill.hset(`bull:heavy:j-${n}`, 'data', 'x'.repeat(400_000));
    else fill.hset(`bull:heavy:j-${n}`, ...Array.from({ length: 500 }, (_, at) => [`f${at}`, '1']).flat());
  }
  await fill.exec();
  const increments = new Increments(own.redis, ref);
  const before = await scriptsOf(own.redis);
  expect(await increments.take()).toHaveLength(30);
  expect(await increments.take()).toEqual([]);
  const after = await scriptsOf(own.redis);
  const calls = after.calls - before.calls;
  expect(calls).toBeGreaterThan(30);
  expect((after.cpuMs - before.cpuMs) / calls).toBeLessThan(10);
});

/** Scripts that a Redis has run, and the processor time that it has used. */
async function scriptsOf(redis: Redis): Promise<{ readonly calls: number; readonly cpuMs: number }> {
  const info = await redis.info('everything');
  const calls = [...info.matchAll(/^cmdstat_eval(?:sha)?_ro:calls=(\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
  const cpu = [...info.matchAll(/^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm)];
  return { calls, cpuMs: 1_000 * cpu.reduce((sum, [, seconds]) => sum + Number(seconds), 0) };
}
