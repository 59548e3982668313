import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertGovernedBy, governedBy, GovernedByAnotherError } from '../ownership/governor.ts';
import { formatOwnerMark, OWNER_FIELD } from '../ownership/owner-mark.ts';
import { setPaused } from '../policy/policy.ts';
import type { QueueRef } from '../redis/keys.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { beginRestore } from './begin-restore.ts';
import { completeRestore } from './complete-restore.ts';
import {
  HOUR,
  idsOf,
  partsOf,
  place,
  recordsOf,
  restoreAll,
  SOURCE,
  sourceRecords,
  streamOf,
  writerOf,
} from './restore.fixture.ts';
import { verifyRestore } from './verify-restore.ts';

// What producers, workers and controllers do with a queue while it is restored.

let t: TestRedis;
let records: QueueRecord[];

beforeAll(async () => {
  t = await testRedis();
  records = await sourceRecords(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const options = (target: QueueRef) => ({ redis: t.redis, target, from: SOURCE });
const owns = (owner: string): string => formatOwnerMark({ owner, managed: [], adoptedAt: '2026-01-01T00:00:00Z' });
const verified = async (ref: QueueRef, of = records): Promise<readonly string[]> =>
  (await verifyRestore(t.redis, ref, streamOf(of))).first;

test('hashes that no index names are written over: the list was lost, and its jobs are not', async () => {
  const ref = place('evicted');
  const queue = t.producer(ref);
  await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'j', data: { n } })));
  await queue.add('custom', {}, { jobId: 'custom' });
  const backup = await recordsOf(t.redis, ref);
  await t.redis.del('bull:evicted:wait');
  await t.redis.hset('bull:evicted:3', 'data', 'changed since');
  await t.redis.set('bull:evicted:7', 'no job');
  const summary = await restoreAll(backup, { redis: t.redis, target: ref });
  expect(summary).toMatchObject({ jobs: { waiting: 20 }, skipped: 1 });
  expect(await verified(ref, backup)).toEqual([]);
  const line = await t.redis.lrange('bull:evicted:wait', 0, -1);
  expect(line).toEqual(['custom', ...idsOf(20, 1)].filter((id) => id !== '7'));
  expect(await t.redis.hget('bull:evicted:3', 'data')).toBe('{"n":2}');
});

test('hashes are written over also beside a line that is too long to be read, where their ids were given before', async () => {
  const ref = place('long-line');
  const queue = t.producer(ref);
  await queue.addBulk(Array.from({ length: 3 }, (_, n) => ({ name: 'j', data: { n } })));
  await queue.add('custom', {}, { jobId: 'custom' });
  const backup = await recordsOf(t.redis, ref);
  await t.redis.del('bull:long-line:wait');
  await beginRestore(t.redis, ref, 'r-1');
  await t.redis.lpush('bull:long-line:wait', ...idsOf(15_000, 10_000));
  expect(await restoreAll(backup, { redis: t.redis, target: ref })).toMatchObject({ jobs: { waiting: 3 }, skipped: 1 });
});

test('jobs and deduplications that producers add under ids of the backup stay, and are no difference', async () => {
  const source = place('ids-source');
  const producer = t.producer(source);
  await producer.add('sync', { v: 1 }, { jobId: 'sync-42' });
  await producer.addJobLog('sync-42', 'of the backup');
  await producer.add('sync', { v: 1 }, { jobId: 'later', delay: HOUR });
  await producer.add('sync', { v: 1 }, { deduplication: { id: 'tenant-7' } });
  const backup = await recordsOf(t.redis, source);
  const ref = place('ids');
  await beginRestore(t.redis, ref, 'r-1');
  const queue = t.producer(ref);
  await queue.add('sync', { v: 2 }, { jobId: 'sync-42' });
  await queue.add('sync', { v: 2 }, { jobId: 'later' });
  await queue.add('sync', { v: 2 }, { jobId: 'mine', deduplication: { id: 'tenant-7' } });
  const summary = await restoreAll(backup, { redis: t.redis, target: ref, from: source });
  expect(summary).toMatchObject({ jobs: { waiting: 1, delayed: 0 }, skipped: 2 });
  expect(await verified(ref, backup)).toEqual([]);
  expect(await t.redis.hget('bull:ids:sync-42', 'data')).toBe('{"v":2}');
  expect(await t.redis.get('bull:ids:de:tenant-7')).toBe('mine');
});

test('a worker that waits puts no delayed job in line before it is compared, and one that it puts there later is no difference', async () => {
  const source = place('due-source');
  const producer = t.producer(source);
  await producer.add('waits', {});
  await producer.add('due', {}, { delay: 1 });
  await producer.add('due', {}, { delay: 1, priority: 2 });
  await producer.add('later', {}, { delay: HOUR });
  const backup = await recordsOf(t.redis, source);
  const ref = place('due');
  const ran: string[] = [];
  const worker = t.worker(ref, ({ name }) => Promise.resolve(void ran.push(name)), { drainDelay: 1 });
  await worker.waitUntilReady();
  const summary = await restoreAll(backup, { redis: t.redis, target: ref, from: source });
  expect(summary).toMatchObject({ jobs: { waiting: 1, delayed: 3 }, held: 0 });
  expect(await t.redis.zcard('bull:due:delayed')).toBe(0);
  expect(await verified(ref, backup)).toEqual([]);
  expect(await completeRestore(t.redis, ref, 'r-1', { resume: false })).toMatchObject({ outcome: 'held' });
  await eventually(async () => (await t.redis.zcard('bull:due:delayed')) === 1, {
    timeoutMs: 30_000,
    description: 'two promoted jobs',
  });
  expect(await t.redis.zcard('bull:due:prioritized')).toBe(1);
  // A process that died meanwhile compares once more.
  expect(await restoreAll(backup, { redis: t.redis, target: ref, from: source })).toEqual(summary);
  expect(await verified(ref, backup)).toEqual([]);
  await t.redis.zrem('bull:due:delayed', '4');
  expect(await verified(ref, backup)).toEqual([expect.stringContaining('job 4 of bull:due is not delayed')]);
  await t.redis.zadd('bull:due:delayed', (Date.now() + HOUR) * 4_096, '4');
  expect(ran).toEqual([]);
  await completeRestore(t.redis, ref, 'r-1', { resume: true });
  await eventually(() => Promise.resolve(ran.length === 3), { timeoutMs: 30_000, description: 'three jobs to run' });
});

test('a queue that another Queue object governs is neither read nor restored into', async () => {
  const ref = place('governed');
  const begin = async (): Promise<string> =>
    (await beginRestore(t.redis, ref, 'r-1', { governor: governedBy('shop/governed') })).outcome;
  for (const mark of [
    owns('c1/shop/other'),
    owns('c1/other/governed'),
    owns('shop/governed'),
    'x'.repeat(5_000),
    '[]',
  ]) {
    await t.redis.hset('bull:governed:meta', OWNER_FIELD, mark);
    expect(await begin()).toBe('governed');
    await expect(assertGovernedBy(t.redis, ref, 'shop/governed')).rejects.toThrow(GovernedByAnotherError);
    expect(await t.redis.hgetall('bull:governed:meta')).toEqual({ [OWNER_FIELD]: mark });
  }
  await t.redis.hset('bull:governed:meta', OWNER_FIELD, owns('c1/shop/governed'));
  await assertGovernedBy(t.redis, ref, 'shop/governed');
  expect(await begin()).toBe('begun');
  await assertGovernedBy(t.redis, place('nobodys'), 'shop/governed');
});

test('a queue that is being filled is not resumed by its Queue object, one that is held is', async () => {
  const ref = place('not-resumed');
  await t.redis.hset('bull:not-resumed:meta', OWNER_FIELD, 'A');
  await beginRestore(t.redis, ref, 'r-1');
  const resume = async (): Promise<string> => (await setPaused(t.redis, ref, { paused: false, expected: 'A' })).outcome;
  expect(await resume()).toBe('restoring');
  expect(await setPaused(t.redis, ref, { paused: true, expected: 'A' })).toMatchObject({ outcome: 'done' });
  const writer = writerOf(options(ref));
  for (const part of partsOf(records, 20)) await writer.write(part);
  await writer.finish();
  expect(await resume()).toBe('restoring');
  expect(await t.redis.hget('bull:not-resumed:meta', 'paused')).toBe('1');
  await completeRestore(t.redis, ref, 'r-1', { resume: false });
  expect(await resume()).toBe('done');
});
