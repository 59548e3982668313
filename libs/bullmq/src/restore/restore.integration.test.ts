import {
  eventually,
  startRedis,
  startRedisCluster,
  valkeyServer,
  type RedisCluster,
  type RedisServer,
} from '@redis-queue/rig';
import { FlowProducer, Queue, Worker, type Job } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queueId, type QueueRef } from '../redis/keys.ts';
import { readServerMemory } from '../sampling/server-memory.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { completeRestore } from './complete-restore.ts';
import { lookAtTarget } from './look-at-target.ts';
import { removeScratch } from './remove-scratch.ts';
import { contentsOf, recordsOf, restoreAll, streamOf } from './restore.fixture.ts';
import { verifyRestore } from './verify-restore.ts';

// A queue with jobs in every state, and one with children of its flow, restored elsewhere: everything is there, and
// workers of BullMQ run the jobs as they would have.

const [ORDERS, IMAGES] = [
  { prefix: 'bull', name: 'orders' },
  { prefix: 'bull', name: 'images' },
];
const HOUR = 3_600_000;
let source: TestRedis;
let valkey: RedisServer;
let cluster: RedisCluster;
let backup: { orders: QueueRecord[]; images: QueueRecord[] };
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  [source, valkey, cluster] = await Promise.all([
    testRedis(),
    valkeyServer().then((program) => startRedis({ program })),
    startRedisCluster(),
  ]);
  await fillQueues();
  backup = { orders: await recordsOf(source.redis, ORDERS), images: await recordsOf(source.redis, IMAGES) };
});
afterAll(async () => {
  for (const close of closing) await close();
  await Promise.all([source[Symbol.asyncDispose](), valkey.stop(), cluster[Symbol.asyncDispose]()]);
});

const until = (description: string, holds: () => Promise<boolean>): Promise<unknown> =>
  eventually(holds, { timeoutMs: 30_000, description });

async function fillQueues(): Promise<void> {
  const queue = source.producer(ORDERS);
  await queue.addBulk([
    { name: 'good', data: { of: 1 } },
    { name: 'bad', data: {} },
    { name: 'retry', data: {}, opts: { attempts: 3, backoff: { type: 'fixed', delay: HOUR } } },
    { name: 'stay', data: {}, opts: { jobId: 'ran-first' } },
  ]);
  const worker = source.worker(ORDERS, work, { concurrency: 10 });
  await until('a job to be active', async () => (await queue.getActiveCount()) === 1);
  await queue.add('stay', {}, { jobId: 'ran-second', priority: 9 });
  const child = (jobId: string) => ({ name: jobId, queueName: IMAGES.name, opts: { jobId } });
  await new FlowProducer({ connection: source.redis }).add({
    name: 'parent',
    queueName: ORDERS.name,
    opts: { jobId: 'parent' },
    children: [child('early'), child('late'), { name: 'good', queueName: ORDERS.name, opts: { jobId: 'sibling' } }],
  });
  const painter = source.worker(IMAGES, work, { concurrency: 2 });
  await until('jobs in every state', async () => {
    const { active, completed, failed, delayed } = await queue.getJobCounts();
    const children = await source.redis.llen('bull:images:active');
    return active === 2 && completed === 2 && failed === 1 && delayed === 1 && children === 1;
  });
  await Promise.all([worker.close(true), painter.close(true)]);
  await queue.addBulk([
    { name: 'w1', data: { text: 'ü\u0000' } },
    { name: 'w2', data: {}, opts: { jobId: 'custom', lifo: true } },
    { name: 'p5', data: {}, opts: { priority: 5 } },
    { name: 'p1', data: {}, opts: { priority: 1 } },
    { name: 'due', data: {}, opts: { delay: 1 } },
    { name: 'later', data: {}, opts: { delay: HOUR } },
    { name: 'unique', data: {}, opts: { deduplication: { id: 'until-it-ends' } } },
    { name: 'throttled', data: {}, opts: { deduplication: { id: 'an-hour', ttl: HOUR } } },
  ]);
  // The first run of `every` is due at once.
  await queue.upsertJobScheduler('hourly', { every: HOUR }, { name: 'report', data: { a: 1 }, opts: { attempts: 2 } });
  await queue.upsertJobScheduler('nightly', { pattern: '0 2 * * *', tz: 'Asia/Tokyo' }, { name: 'report' });
}

async function work(job: Job): Promise<unknown> {
  if (job.name === 'bad' || job.name === 'retry') throw new Error(`${job.name} it is`);
  if (job.name === 'stay' || job.name === 'late') return await new Promise(() => {});
  await job.log(`of ${job.id}`);
  return { of: job.name };
}

interface Place {
  readonly redis: Redis;
  readonly orders: QueueRef;
  readonly images: QueueRef;
}

const clientOf = (address: { host: string; port: number }): Redis => {
  const redis = new Redis({ ...address, maxRetriesPerRequest: null });
  closing.unshift(() => redis.disconnect());
  return redis;
};

const PLACES: [string, () => Promise<Place>][] = [
  [
    'Redis, under other names beside the original',
    async () => {
      const [prefix, redis] = ['bull:copies', clientOf(source.target)];
      return { redis, orders: { prefix, name: 'orders-2' }, images: { prefix, name: 'images-2' } };
    },
  ],
  [
    'another Redis',
    async () => {
      const server = await startRedis();
      closing.push(() => server.stop());
      return { redis: clientOf(server), orders: ORDERS, images: IMAGES };
    },
  ],
  ['Valkey 9', async () => ({ redis: clientOf(valkey), orders: ORDERS, images: IMAGES })],
  [
    'a Redis Cluster, with a hash tag',
    async () => {
      const client = new Cluster([cluster.nodes[0]!], { redisOptions: { maxRetriesPerRequest: null } });
      closing.unshift(() => client.disconnect());
      const prefix = '{bull}';
      return {
        redis: client as unknown as Redis,
        orders: { prefix, name: 'orders' },
        images: { prefix, name: 'images' },
      };
    },
  ],
];

/** Runs what is ready, one job at a time. */
async function run({ redis }: Place, ref: QueueRef, jobs: number): Promise<string[]> {
  const ran: string[] = [];
  const connection = redis.duplicate();
  const worker = new Worker(ref.name, async ({ name }) => void ran.push(name), { connection, prefix: ref.prefix });
  worker.on('error', () => {});
  await eventually(async () => ran.length >= jobs, { timeoutMs: 20_000, description: `${jobs} jobs to run` });
  await worker.close();
  connection.disconnect();
  return ran;
}

/** The queue as it is to be, before job schedulers and delayed jobs come; and what is to come of the latter. */
async function expectedOrders(): Promise<{ contents: Record<string, unknown>; delayed: string[] }> {
  const found = await contentsOf(source.redis, ORDERS);
  const { active, delayed, repeat: _repeat, 'repeat:hourly': _hourly, 'repeat:nightly': _nightly, ...others } = found;
  const all = delayed as string[];
  const at = all.findIndex((id) => id.startsWith('repeat:nightly:'));
  const wait = [...(found['wait'] as string[]), ...(active as string[])];
  return { contents: { ...others, wait }, delayed: all.toSpliced(at, 2) };
}

/** Where a scratch restore writes it: a hash tag of its own. */
const scratch = ({ name }: QueueRef): QueueRef => ({ prefix: 'rq-scratch-0123abcd', name: `{${name}}` });

describe.concurrent('a queue restored to', () => {
  test.each(PLACES)('%s is the same, and its jobs run in their order', async (_, open) => {
    const place = await open();
    const { redis, orders, images } = place;
    const rename = (queueKey: string): string | undefined =>
      ({ [queueId(ORDERS)]: queueId(orders), [queueId(IMAGES)]: queueId(images) })[queueKey];
    const options = { redis, rename };
    expect(await lookAtTarget(redis, images, 'r-1')).toEqual({ outcome: 'free' });
    expect(await restoreAll(backup.images, { ...options, target: images, from: IMAGES })).toMatchObject({
      jobs: { active: 1, completed: 1 },
      skipped: 0,
    });
    expect(await restoreAll(backup.orders, { ...options, target: orders, from: ORDERS })).toEqual({
      jobs: { waiting: 5, active: 2, delayed: 3, prioritized: 2, 'waiting-children': 1, completed: 2, failed: 1 },
      gone: 0,
      skipped: 0,
      held: 1,
    });
    const verified = async (ref: QueueRef, records: readonly QueueRecord[]) =>
      await verifyRestore(redis, ref, streamOf(records), { rename });
    expect(await verified(orders, backup.orders)).toEqual({ jobs: 17, count: 0, first: [] });
    expect(await verified(images, backup.images)).toEqual({ jobs: 2, count: 0, first: [] });
    const contents = JSON.stringify(await contentsOf(redis, orders))
      .replaceAll(queueId(orders), queueId(ORDERS))
      .replaceAll(queueId(images), queueId(IMAGES));
    const expected = await expectedOrders();
    expect(JSON.parse(contents)).toEqual(expected.contents);
    const held = await redis.zrange(`${queueId(orders)}:restore:promotable`, 0, '-1', 'WITHSCORES');
    expect(held).toEqual(expected.delayed);

    expect(await completeRestore(redis, images, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    expect(await run(place, images, 1)).toEqual(['late']);
    expect(await completeRestore(redis, orders, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    // The parent, whose last child has just ended; then those that ran when the backup was taken; then the line.
    expect((await run(place, orders, 11)).join(' ')).toBe('parent stay stay w2 w1 unique throttled report due p1 p5');
    const queue = new Queue(orders.name, { prefix: orders.prefix, connection: redis, skipMetasUpdate: true });
    closing.unshift(() => queue.close());
    expect(await (await queue.getJob('parent'))?.getChildrenValues()).toEqual({
      [`${queueId(images)}:early`]: { of: 'early' },
      [`${queueId(images)}:late`]: null,
      [`${queueId(orders)}:sibling`]: { of: 'good' },
    });
    const schedulers = await queue.getJobSchedulers();
    expect(schedulers.map(({ key, next }) => `${key} ${Number(next) > Date.now()}`).toSorted()).toEqual([
      'hourly true',
      'nightly true',
    ]);
    const runs = schedulers.map(({ key, next }) => `repeat:${key}:${next}`);
    expect((await queue.getDelayed()).map(({ id }) => id)).toEqual(expect.arrayContaining(runs));
    expect((await queue.add('new', {})).id).toBe(String(Number(await source.redis.get('bull:orders:id')) + 2));
    expect(await queue.add('again', {}, { deduplication: { id: 'an-hour', ttl: HOUR } })).toMatchObject({
      id: await source.redis.get('bull:orders:de:an-hour'),
    });
    expect(
      await redis.exists(
        ...['state', 'slots', 'held', 'promotable'].map((name) => `${queueId(orders)}:restore:${name}`),
      ),
    ).toBe(0);
  });

  test('keys of its own on a Redis Cluster, each queue on one server, is the same, and nothing of it is left', async () => {
    const client = new Cluster([cluster.nodes[0]!], { redisOptions: { maxRetriesPerRequest: null } });
    closing.unshift(() => client.disconnect());
    const redis = client as unknown as Redis;
    const rename = (queueKey: string): string | undefined =>
      [ORDERS, IMAGES].filter((ref) => queueId(ref) === queueKey).map((ref) => queueId(scratch(ref)))[0];
    const keysLeft = async (): Promise<string[]> =>
      (await Promise.all(client.nodes('master').map((node) => node.keys('rq-scratch-*')))).flat();
    for (const [ref, records] of [
      [IMAGES, backup.images],
      [ORDERS, backup.orders],
    ] as const) {
      await restoreAll(records, { redis, rename, target: scratch(ref), from: ref, scratch: true });
      const found = await verifyRestore(redis, scratch(ref), streamOf(records), { rename });
      expect(found).toMatchObject({ count: 0, first: [] });
    }
    expect(await readServerMemory(redis, scratch(ORDERS))).toMatchObject({ usedBytes: expect.any(Number) });
    expect((await keysLeft()).length).toBeGreaterThan(19);
    const signal = AbortSignal.timeout(60_000);
    for (const ref of [IMAGES, ORDERS])
      expect(await removeScratch(redis, scratch(ref), 'r-1', { signal })).toBe('done');
    expect(await keysLeft()).toEqual([]);
  });
});
