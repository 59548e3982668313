import { eventually, startSilentProxy } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { Increments } from './changes.fixture.ts';
import { WriteWatch } from './write-watch.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

/** A queue of ten jobs of which a first backup is finished, and its watch. */
async function watched(name: string, mostKeys?: number) {
  const ref = { prefix: 'bull', name };
  const queue = t.producer(ref);
  await queue.addBulk(Array.from({ length: 10 }, (_, n) => ({ name: 'job', data: { n }, opts: { jobId: `j${n}` } })));
  const watch = await WriteWatch.open(t.target, [ref], { clientName: 'watch', ...(mostKeys && { mostKeys }) });
  if (!watch) throw new Error('Redis is not watched');
  onTestFinished(() => watch.close());
  const increments = new Increments(t.redis, ref, {}, watch);
  await increments.take();
  /** How many jobs are read for the next one: those of which Redis is asked. */
  const take = async (): Promise<{ changed: string[]; read: number }> => {
    const before = await jobsRead();
    return { changed: await increments.take(), read: (await jobsRead()) - before };
  };
  return { ref, queue, watch, take };
}

/** Each look at a job reads its hash once. */
async function jobsRead(): Promise<number> {
  const stats = await t.redis.info('commandstats');
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('jobs that nobody has written are not read', async () => {
  const { queue, take } = await watched('few');
  await (await queue.getJob('j3'))?.updateData({ n: 'other' });
  await (await queue.getJob('j4'))?.log('a line');
  await (await queue.getJob('j5'))?.changePriority({ priority: 7 });
  expect(await take()).toEqual({ changed: ['j3', 'j4', 'j5'], read: 3 });
  expect(await take()).toEqual({ changed: [], read: 0 });
});

test('a write of which Redis has not told yet is waited for', async () => {
  const { queue, take } = await watched('late');
  // Without a turn in between, in which the watch could be told.
  for (let n = 0; n < 20; n++) {
    // oxlint-disable-next-line no-await-in-loop
    await t.redis.hset(queue.toKey('j1'), 'data', JSON.stringify({ n }));
    // oxlint-disable-next-line no-await-in-loop
    expect((await take()).changed).toEqual(['j1']);
  }
});

test('a job with a deduplication is read each time, since that ends without a write to the job', async () => {
  const { queue, take } = await watched('once');
  await queue.add('job', {}, { jobId: 'd', deduplication: { id: 'only', ttl: 60_000 } });
  expect(await take()).toEqual({ changed: ['d'], read: 1 });
  expect(await take()).toEqual({ changed: [], read: 1 });
});

test.each([
  ['its connection is lost', () => t.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')],
  ['the database was emptied', () => t.redis.flushall()],
])('once %s, every job is read', async (_, happens) => {
  const { watch, queue, take } = await watched('lost');
  await happens();
  await eventually(() => !watch.isOn, { description: 'the watch that is off' });
  await queue.add('job', {}, { jobId: 'new' });
  const jobs = await queue.getJobCountByTypes('wait', 'prioritized');
  expect((await take()).read).toBe(jobs);
});

test('more writes than it is worth end the watch', async () => {
  const { watch, queue } = await watched('busy', 100);
  await queue.addBulk(Array.from({ length: 200 }, () => ({ name: 'job', data: {} })));
  await eventually(() => !watch.isOn, { description: 'the watch that is off' });
  expect(watch.isOverrun).toBe(true);
});

test('a connection that has fallen silent spares the look at no job', async () => {
  await using proxy = await startSilentProxy(t.server.port);
  const ref = { prefix: 'bull', name: 'silent' };
  const watch = await WriteWatch.open({ host: proxy.host, port: proxy.port }, [ref], { clientName: 'watch' });
  watch?.begin();
  watch?.finish();
  expect(watch?.writesOf(ref)?.has('1')).toBe(false);
  proxy.silenceConnections();
  await t.redis.hset('bull:silent:1', 'data', '{}');
  expect(await watch?.writesOf(ref)?.settle()).toBe(false);
  expect(watch?.writesOf(ref)?.has('1')).toBe(true);
});

test('a user without the right is not watched', async () => {
  await t.redis.call('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '+@all', '-client|tracking');
  const target = { ...t.target, username: 'plain', password: 'secret' };
  expect(await WriteWatch.open(target, [{ prefix: 'bull', name: 'q' }], { clientName: 'watch' })).toBeUndefined();
});
