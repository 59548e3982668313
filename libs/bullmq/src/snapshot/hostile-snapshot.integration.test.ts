import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnections } from '../connections/connections.ts';
import { classifyRedisError } from '../connections/errors.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { JobDigests } from './job-digests.ts';
import { parseQueueRecord, type RecordOf } from './records.ts';
import { checkSnapshot, snapshotQueue, type SnapshotOptions } from './snapshot-queue.ts';
import { idsOf, takeSnapshot } from './snapshot.fixture.ts';

// Walls 1 and 3: what a tenant puts into a queue costs at most that queue its backup, and the fault has a name.

const REF = { prefix: 'bull', name: 'bad' };
const key = (suffix: string): string => `bull:bad:${suffix}`;
const PAGES = { maxEntriesInOneStep: 0, pageSize: 10 };
const changes = (): Partial<SnapshotOptions> => ({ changes: { known: new JobDigests(), next: new JobDigests() } });
let t: TestRedis;
/** Guarded, as controllers' are. */
let redis: ReturnType<RedisConnections['get']>;
const connections = new RedisConnections();
beforeAll(async () => {
  t = await testRedis();
  redis = connections.get(t.target);
});
beforeEach(() => t.redis.flushall());
afterAll(async () => {
  connections.close();
  await t[Symbol.asyncDispose]();
});

async function waiting(...ids: string[]): Promise<void> {
  for (const id of ids) {
    await t.redis.hset(key(id), 'name', 'job');
    await t.redis.lpush(key('wait'), id);
  }
}

describe('a key of another type costs the queue its backup, and is named', () => {
  const indexes = [
    'wait',
    'paused',
    'active',
    'delayed',
    'prioritized',
    'waiting-children',
    'completed',
    'failed',
    'repeat',
  ];
  const parts = ['logs', 'dependencies', 'processed', 'failed', 'unsuccessful'].map((part) => `1:${part}`);
  it.each([...indexes, ...parts, 'meta', '1', 'repeat:daily'])('%s', async (suffix) => {
    if (suffix !== 'wait') await waiting('1');
    if (suffix === 'repeat:daily') await t.redis.zadd(key('repeat'), 1, 'daily');
    await t.redis.set(key(suffix), 'x');
    for (const options of [{}, PAGES, changes()]) {
      const error: unknown = await takeSnapshot(redis, REF, options).catch((thrown: unknown) => thrown);
      expect(classifyRedisError(error)).toEqual({
        reason: 'QueueUnreadable',
        message: expect.stringContaining(JSON.stringify(key(suffix))),
      });
    }
  });
});

it('ids, fields and values may be any text, and values any bytes', async () => {
  const ids = [
    '__proto__',
    'constructor',
    'a b',
    '{x}',
    '日本',
    '"\\',
    '\n',
    '-1',
    '007',
    '99999999999999999999',
    '\uFFFD',
    '*',
  ];
  await waiting(...ids);
  const odd = ['__proto__', 'constructor', '', 'toString', '\uFFFD'];
  await t.redis.hset(key('-1'), ...odd.flatMap((field) => [field, field]), 'bytes', Buffer.from([0xff, 0x00]));
  await t.redis.rpush(key('-1:logs'), Buffer.from([0xc3]), '\uFFFD');
  for (const options of [{}, PAGES, changes()]) {
    const held = await takeSnapshot(redis, REF, options);
    expect(idsOf(held, 'waiting')).toEqual(ids);
    const job = parseQueueRecord(JSON.parse(JSON.stringify(held.jobs.get('-1')))) as RecordOf<'job'>;
    for (const field of odd) expect(Object.getOwnPropertyDescriptor(job.hash, field)?.value).toBe(field);
    expect(job.hash['bytes']).toEqual({ b64: '/wA=' });
    expect(job.logs).toEqual([{ b64: 'ww==' }, '\uFFFD']);
  }
});

it('an id that is no text is named, and so is a queue that sets more than one may', async () => {
  await t.redis.lpush(key('wait'), Buffer.from([0xff]));
  await expect(takeSnapshot(redis, REF)).rejects.toThrow(/"bull:bad:wait": it holds a name that is no UTF-8/);
  await t.redis.del(key('wait'));
  await t.redis.hset(key('meta'), 'x', 'x'.repeat(2_000_000));
  await expect(takeSnapshot(redis, REF)).rejects.toThrow(/"bull:bad:meta": it is larger than/);
});

it('jobs of 10 MB come whole, one of 100 MB is named; no reply ends the connection', async () => {
  let ended = 0;
  redis.on('close', () => ended++);
  const data = '日本語テスト'.repeat(600_000);
  await waiting('1', '2', '3', '4', '5');
  for (const id of ['2', '3']) await t.redis.hset(key(id), 'data', data, 'returnvalue', 'short');
  await t.redis.hset(key('4'), 'data', 'x'.repeat(1_500_000));
  for (const options of [{}, changes()]) {
    const held = await takeSnapshot(redis, REF, options);
    expect(idsOf(held, 'waiting')).toEqual(['1', '2', '3', '4', '5']);
    for (const id of ['2', '3']) expect(held.jobs.get(id)!.hash).toMatchObject({ name: 'job', returnvalue: 'short' });
    for (const id of ['2', '3']) expect(held.jobs.get(id)!.hash['data'] === data).toBe(true);
  }
  await t.redis.hset(key('3'), 'data', 'x'.repeat(100_000_000));
  await expect(takeSnapshot(redis, REF)).rejects.toThrow(/"bull:bad:3": the job is larger than what a backup reads/);
  await t.redis.del(key('3'));
  await t.redis.hset(key('3'), Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`f${n}`, ''])));
  await expect(takeSnapshot(redis, REF)).rejects.toThrow(/"bull:bad:3": the job is larger/);
  expect(ended).toBe(0);
});

it('logs and children of any number come whole', async () => {
  await waiting('1', '2', '3');
  const many = Array.from({ length: 30_000 }, (_, n) => `bull:bad:child-${n}`);
  const add = t.redis.pipeline();
  for (let at = 0; at < many.length; at += 1_000) {
    const some = many.slice(at, at + 1_000);
    add.rpush(key('2:logs'), ...some);
    add.sadd(key('2:dependencies'), ...some.filter((_, n) => n % 2 === 0), ...(at === 0 ? ['both'] : []));
    add.hset(key('2:processed'), ...some.filter((_, n) => n % 2 === 1).flatMap((child) => [child, 'x'.repeat(100)]));
    add.zadd(key('2:unsuccessful'), ...some.flatMap((child) => [at, `${child}!`]));
  }
  add.hset(key('2:processed'), 'both', '{}');
  await add.exec();
  const job = (await takeSnapshot(redis, REF)).jobs.get('2')!;
  expect(job.logs).toEqual(many);
  expect(job.dependencies!.length + Object.keys(job.processed!).length).toBe(30_001);
  expect(job.dependencies).not.toContain('both');
  expect(job.unsuccessful).toHaveLength(30_000);
});

it.each(['filling', 'placing', 'placed', 'held'])('a queue that a restore has is refused (%s)', async (phase) => {
  await t.redis.hset(key('meta'), 'redis-queue:restore', `a-uid 1 ${phase}`);
  const says = new RegExp(`queue bad is ${phase === 'held' ? 'held' : 'being filled'} by restore a-uid; `);
  await expect(takeSnapshot(redis, REF)).rejects.toThrow(says);
  await expect(checkSnapshot(redis, REF, { signal: new AbortController().signal })).rejects.toThrow(says);
});

// Wall 1: each empty line takes a hundred bytes here, and none in Redis.
it('a job of more log lines than are read of one is named, however short they are', async () => {
  await waiting('1');
  const lines = Array.from({ length: 5_000 }, () => '');
  const add = t.redis.pipeline();
  for (let count = 0; count < 300_000; count += lines.length) add.rpush(key('1:logs'), ...lines);
  await add.exec();
  await expect(takeSnapshot(redis, REF)).rejects.toThrow(
    /"bull:bad:1:logs": the job is larger than what a backup reads/,
  );
});

it('job schedulers come a few at a time, however many and large they are', async () => {
  const add = t.redis.pipeline();
  for (let n = 0; n < 30; n++)
    add.hset(key(`repeat:s${n}`), 'data', 'x'.repeat(900_000)).zadd(key('repeat'), n, `s${n}`);
  add.zadd(key('repeat'), 30, 'without-a-hash');
  for (let n = 0; n < 3_000; n++) add.zadd(key('repeat'), n, `small-${n}`);
  await add.exec();
  for (const options of [{}, PAGES]) {
    let largest = 0;
    const ids: string[] = [];
    for await (const records of snapshotQueue(redis, REF, { signal: new AbortController().signal, ...options })) {
      largest = Math.max(largest, JSON.stringify(records).length);
      for (const record of records) if (record.kind === 'scheduler') ids.push(record.id);
    }
    expect(new Set(ids).size).toBe(3_031);
    expect(ids).toHaveLength(3_031);
    expect(largest).toBeLessThan(2_000_000);
  }
});

it('ids of any length come page by page, when the replies would be larger than is read', async () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => `${n}`.padEnd(4_000, 'x'));
  const short = Array.from({ length: 100 }, (_, n) => `s${n}`);
  const add = t.redis.pipeline();
  for (const [n, id] of [...short.slice(50), ...ids, ...short.slice(0, 50)].entries()) {
    add.hset(key(id), 'name', 'job');
    add.rpush(key('wait'), id);
    add.zadd(key('delayed'), n, `d${id}`);
    add.hset(key(`d${id}`), 'name', 'job');
  }
  await add.exec();
  // What the plan looks at is short, so it tries them all at once.
  const held = await takeSnapshot(redis, REF);
  expect(held.queue.consistent).toBe(false);
  expect(idsOf(held, 'waiting')).toHaveLength(1_100);
  expect(idsOf(held, 'delayed')).toHaveLength(1_100);
});
