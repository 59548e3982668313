import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { classifyRedisError } from '../connections/errors.ts';
import { upsertScheduler } from '../job-schedulers/job-schedulers.ts';
import type { QueueRef } from '../redis/keys.ts';
import { obliterateRound } from '../ownership/obliterate.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { cleanFinished } from '../retention/retention.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { abandonRestore } from './abandon-restore.ts';
import { beginRestore } from './begin-restore.ts';
import { completeRestore } from './complete-restore.ts';
import { lookAtTarget } from './look-at-target.ts';
import { RecordWriter } from './record-writer.ts';
import { RESTORE_FIELD, RestoreIncompleteError, RestoreLostError } from '../ownership/restore-mark.ts';
import {
  contentsOf,
  HOUR,
  idsOf,
  killedAfter,
  partsOf,
  place,
  restoreAll,
  SOURCE,
  sourceRecords,
  streamOf,
  writerOf,
} from './restore.fixture.ts';
import { verifyRestore } from './verify-restore.ts';

let t: TestRedis;
let records: QueueRecord[];

beforeAll(async () => {
  t = await testRedis();
  records = await sourceRecords(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const options = (target: QueueRef) => ({ redis: t.redis, target, from: SOURCE });

describe('a restore begins', () => {
  test('in an empty queue, which it pauses and marks in the same step; the same one goes on there, another does not', async () => {
    const ref = place('empty');
    await t.producer(ref).waitUntilReady();
    expect(await beginRestore(t.redis, ref, 'r-1')).toEqual({ outcome: 'begun' });
    expect(await t.redis.hmget('bull:empty:meta', 'paused', RESTORE_FIELD)).toEqual(['1', 'r-1 0 filling']);
    await writerOf(options(ref)).noteProgress(3);
    expect(await beginRestore(t.redis, ref, 'r-1')).toEqual({ outcome: 'continued', partsDone: 3, phase: 'filling' });
    expect(await beginRestore(t.redis, ref, 'r-2')).toEqual({
      outcome: 'occupied',
      by: 'restore r-1, which is not complete',
      restoreId: 'r-1',
    });
  });

  test.each([
    ['a job', '1 waiting job', (ref: QueueRef) => t.producer(ref).add('j', {})],
    ['delayed jobs', '1 delayed job', (ref: QueueRef) => t.producer(ref).add('j', {}, { delay: HOUR })],
    ['dead jobs', '2 failed jobs', (ref: QueueRef) => t.redis.zadd(`bull:${ref.name}:failed`, 1, 'a', 2, 'b')],
    ['a job scheduler', '1 job scheduler', (ref: QueueRef) => t.redis.zadd(`bull:${ref.name}:repeat`, 1, 's')],
  ])('nowhere where there is %s, and says so', async (what, by, put) => {
    const ref = place(`occupied-${what.replaceAll(' ', '-')}`);
    await put(ref);
    const before = await t.redis.hgetall(`bull:${ref.name}:meta`);
    expect(await beginRestore(t.redis, ref, 'r-1')).toEqual({ outcome: 'occupied', by });
    expect(await t.redis.hgetall(`bull:${ref.name}:meta`)).toEqual(before);
  });

  test('beside job schedulers that the Queue object has declared, which stay as they are', async () => {
    const ref = place('declared');
    const scheduler = { name: 'nightly', schedule: { everyMs: HOUR }, jobName: 'ours', data: '{}', opts: {} };
    const mark = 'A';
    await t.redis.hset('bull:declared:meta', OWNER_FIELD, mark);
    expect(await upsertScheduler(t.redis, ref, scheduler, { owner: 'c1/shop/declared', mark })).toBe('done');
    const next = await t.redis.zscore('bull:declared:repeat', 'nightly');
    await restoreAll(records, options(ref));
    expect(await completeRestore(t.redis, ref, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    expect(await t.redis.zscore('bull:declared:repeat', 'nightly')).toBe(next);
    expect(await t.redis.hget('bull:declared:repeat:nightly', 'name')).toBe('ours');
    expect(await t.redis.keys('bull:declared:repeat:nightly:*')).toEqual([`bull:declared:repeat:nightly:${next}`]);
  });

  test('where a look before has found the queue empty, and that its user may write there', async () => {
    const ref = place('looked-at');
    await t.redis.call(
      'ACL',
      'SETUSER',
      'looker',
      'reset',
      'on',
      '>pw',
      'resetchannels',
      ...ACL_RULES.restore.split(' '),
    );
    await t.redis.call(
      'ACL',
      'SETUSER',
      'reads',
      'reset',
      'on',
      '>pw',
      'resetchannels',
      ...ACL_RULES.backup.split(' '),
    );
    const { host, port } = t.target;
    const [mayWrite, reads] = ['looker', 'reads'].map(
      (username) => new Redis({ host, port, username, password: 'pw' }),
    );
    await t.redis.call('ACL', 'LOG', 'RESET');
    expect(await lookAtTarget(mayWrite!, ref, 'r-1')).toEqual({ outcome: 'free' });
    expect(await lookAtTarget(reads!, ref, 'r-1')).toEqual({ outcome: 'denied', command: 'hset' });
    expect(await t.redis.call('ACL', 'LOG')).toEqual([]);
    expect(await t.redis.keys('bull:looked-at:*')).toEqual([]);
    await beginRestore(t.redis, ref, 'r-1');
    expect(await lookAtTarget(mayWrite!, ref, 'r-1')).toEqual({ outcome: 'continued' });
    expect(await lookAtTarget(mayWrite!, ref, 'r-2')).toMatchObject({ outcome: 'occupied', restoreId: 'r-1' });
    mayWrite!.disconnect();
    reads!.disconnect();
  });

  test('under no id with a space', async () => {
    await expect(beginRestore(t.redis, place('space'), 'a b')).rejects.toThrow(RangeError);
  });
});

test('one that is given up takes away the limits that it has set, and leaves those that were there', async () => {
  const ref = place('limits-of-it');
  await t.redis.hset('bull:limits-of-it:meta', 'concurrency', 3);
  const meta = { concurrency: '7', max: '5', duration: '1000', version: 'bullmq:6.7.0' };
  await beginRestore(t.redis, ref, 'r-1');
  await writerOf(options(ref)).write(records.map((each) => (each.kind === 'queue' ? { ...each, meta } : each)));
  expect(await t.redis.hmget('bull:limits-of-it:meta', 'max', 'concurrency')).toEqual(['5', '3']);
  expect(await abandonRestore(t.redis, ref, 'r-1')).toBe('done');
  expect(await t.redis.hgetall('bull:limits-of-it:meta')).toEqual({ concurrency: '3', version: 'bullmq:6.7.0' });
});

describe('nothing is written', () => {
  test('without a mark, under another one, or by a writer that another has replaced', async () => {
    const ref = place('fenced');
    await expect(writerOf(options(ref)).write(records)).rejects.toThrow(RestoreLostError);
    await beginRestore(t.redis, ref, 'r-1');
    await expect(writerOf({ ...options(ref), restoreId: 'r-2' }).write(records)).rejects.toThrow(RestoreLostError);
    const [first, second] = [writerOf(options(ref)), writerOf(options(ref))];
    await first.write(records.slice(0, 3));
    await second.noteProgress(0);
    const before = await contentsOf(t.redis, ref);
    await expect(first.write(records)).rejects.toThrow(RestoreLostError);
    await expect(first.finish()).rejects.toThrow(RestoreLostError);
    expect(await contentsOf(t.redis, ref)).toEqual(before);
    await t.redis.hdel('bull:fenced:meta', RESTORE_FIELD);
    await expect(second.write(records)).rejects.toThrow(RestoreLostError);
    await expect(completeRestore(t.redis, ref, 'r-1', { resume: true })).rejects.toThrow(RestoreLostError);
  });

  test('again once everything is in its place, and nothing is complete before', async () => {
    const ref = place('closed');
    await beginRestore(t.redis, ref, 'r-1');
    await expect(completeRestore(t.redis, ref, 'r-1', { resume: true })).rejects.toThrow(RestoreIncompleteError);
    await restoreAll(records, options(ref));
    const before = await contentsOf(t.redis, ref);
    await writerOf(options(ref)).write(records);
    expect(await contentsOf(t.redis, ref)).toEqual(before);
    expect(await restoreAll(records, options(ref))).toMatchObject({ jobs: { waiting: 30 }, held: 1 });
  });
});

test('jobs that producers add meanwhile stay as they are, and come after those that waited longer', async () => {
  const ref = place('live');
  const queue = t.producer(ref);
  await beginRestore(t.redis, ref, 'r-1');
  // Before the counter is raised.
  const early = await queue.add('early', {});
  expect(early.id).toBe('1');
  const writer = writerOf(options(ref));
  const [first, ...others] = partsOf(records, 20);
  await writer.write(first!);
  expect((await queue.add('new', {})).id).toBe('34');
  await queue.add('later', {}, { delay: HOUR });
  for (const part of others) await writer.write(part);
  expect(await writer.finish()).toMatchObject({ jobs: { waiting: 29, delayed: 1 }, skipped: 1, gone: 0 });
  expect(await t.redis.lrange('bull:live:wait', 0, -1)).toEqual(['34', '1', ...idsOf(30, 2)]);
  expect(await t.redis.hget('bull:live:1', 'name')).toBe('early');
  expect(await t.redis.zcard('bull:live:delayed')).toBe(1);
  await completeRestore(t.redis, ref, 'r-1', { resume: false });
  expect(await t.redis.zcard('bull:live:delayed')).toBe(2);
});

test.each(['before it is done', 'after it is done, unanswered'] as const)(
  'a restore that is killed at any call, %s, and run again, comes to the same end',
  async (when) => {
    const whole = place('whole');
    if ((await t.redis.exists('bull:whole:meta')) === 0) await restoreAndComplete(t.redis, whole);
    const expected = await contentsOf(t.redis, whole);
    let kills = 0;
    for (let calls = 0; ; calls++) {
      const ref = place(`killed-${when.length}-${calls}`);
      const { redis, wasKilled } = killedAfter(t.redis, calls, when);
      const reason = await restoreAndComplete(redis, ref).then(() => 'none', String);
      if (!wasKilled()) break;
      expect(reason).toBe('Error: killed');
      kills++;
      const isComplete = (await t.redis.hexists(`bull:${ref.name}:meta`, RESTORE_FIELD)) === 0 && calls > 0;
      if (!isComplete) await restoreAndComplete(t.redis, ref);
      const contents = JSON.stringify(await contentsOf(t.redis, ref)).replaceAll(`bull:${ref.name}:`, 'bull:whole:');
      expect(JSON.parse(contents), `killed after ${calls} calls`).toEqual(expected);
    }
    expect(kills).toBeGreaterThan(20);
  },
);

async function restoreAndComplete(redis: Redis, target: QueueRef): Promise<void> {
  await restoreAll(records, { redis, target, from: SOURCE, partSize: 12 });
  await completeRestore(redis, target, 'r-1', { resume: true });
}

test('retention waits until a restore is complete, and who removes the queue removes what it has written', async () => {
  const ref = place('others');
  await t.redis.hset('bull:others:meta', OWNER_FIELD, 'A');
  const finished = records.map((record): QueueRecord =>
    record.kind === 'index'
      ? { ...record, state: 'completed', entries: record.entries.map(([id]) => [id, 1]) }
      : record,
  );
  await beginRestore(t.redis, ref, 'r-1');
  const writer = writerOf(options(ref));
  await writer.write(finished.slice(0, 60));
  expect(await t.redis.zcard('bull:others:restore:completed')).toBeGreaterThan(0);
  const fence = { mark: 'A', untilMs: Number.MAX_SAFE_INTEGER };
  expect(await cleanFinished(t.redis, ref, { ...fence, state: 'completed' })).toMatchObject({
    outcome: 'ownershipLost',
  });
  expect(await obliterateRound(t.redis, ref, { ...fence, stopAt: 'unfinished' })).toMatchObject({
    outcome: 'unfinishedJobs',
  });
  expect(await obliterateRound(t.redis, ref, { ...fence, stopAt: 'nothing' })).toMatchObject({ outcome: 'done' });
  expect(await t.redis.keys('bull:others:*')).toEqual([]);
});

test('a rate is held, and a restore that is aborted ends', async () => {
  const ref = place('paced');
  await beginRestore(t.redis, ref, 'r-1');
  const waits: number[] = [];
  let nowMs = 0;
  const pace = {
    now: () => nowMs,
    sleep: (ms: number) => {
      waits.push(ms);
      nowMs += ms;
      return Promise.resolve();
    },
  };
  const signal = AbortSignal.timeout(60_000);
  const writing = { from: SOURCE, restoreId: 'r-1', openFlows: 'Refuse' } as const;
  const writer = new RecordWriter(t.redis, ref, { ...writing, signal, jobsPerSecond: 10, pace });
  for (const part of partsOf(records, 25)) await writer.write(part);
  const jobs = records.filter(({ kind }) => kind === 'job').length;
  await writer.noteProgress(1);
  expect(Math.round(waits.reduce((sum, ms) => sum + ms, 0))).toBe(jobs * 100);
  const aborted = new RecordWriter(t.redis, ref, { ...writing, signal: AbortSignal.abort(new Error('enough')) });
  await expect(aborted.write(records)).rejects.toThrow('enough');
  await expect(aborted.finish()).rejects.toThrow('enough');
});

test('a restore that is given up leaves the queue as it was, with what producers have added', async () => {
  const ref = place('given-up');
  await beginRestore(t.redis, ref, 'r-1');
  await writerOf(options(ref)).write(records);
  const queue = t.producer(ref);
  await queue.add('new', {}, { jobId: 'new' });
  expect(await abandonRestore(t.redis, ref, 'r-2')).toBe('gone');
  expect(await abandonRestore(t.redis, ref, 'r-1')).toBe('done');
  expect(Object.keys(await contentsOf(t.redis, ref))).toEqual(['id', 'new', 'pc', 'wait']);
  expect(await t.redis.hmget('bull:given-up:meta', 'paused', RESTORE_FIELD)).toEqual([null, null]);
  expect(await abandonRestore(t.redis, ref, 'r-1')).toBe('gone');
  const placed = place('not-given-up');
  await restoreAll(records, options(placed));
  expect(await abandonRestore(t.redis, placed, 'r-1')).toBe('placed');
});

describe('a Redis that refuses in the middle', () => {
  const REFUSALS: [string, string, (redis: Redis) => Promise<unknown>, (redis: Redis) => Promise<unknown>][] = [
    [
      'because it is full',
      'RedisOutOfMemory',
      (redis) => redis.config('SET', 'maxmemory', '1mb'),
      (redis) => redis.config('SET', 'maxmemory', '0'),
    ],
    [
      'because it is a replica',
      'RedisReadOnly',
      (redis) => redis.replicaof('127.0.0.1', 1),
      (redis) => redis.replicaof('NO', 'ONE'),
    ],
    [
      'because of its rights',
      'RedisNoPermission',
      (redis) => redis.call('ACL', 'SETUSER', 'restorer', '-hset'),
      (redis) => redis.call('ACL', 'SETUSER', 'restorer', '+hset'),
    ],
  ];
  test('is named, whatever it is, and the restore goes on from there, with the least rights', async () => {
    await using other = await testRedis();
    const rules = ACL_RULES.restore.split(' ');
    await other.redis.call('ACL', 'SETUSER', 'restorer', 'reset', 'on', '>pw', 'resetchannels', ...rules);
    const redis = new Redis({ ...other.target, username: 'restorer', password: 'pw', maxRetriesPerRequest: 1 });
    for (const [at, [, reason, break_, mend]] of REFUSALS.entries()) {
      const ref = place(`refused-${at}`);
      await beginRestore(redis, ref, 'r-1');
      const writer = writerOf({ ...options(ref), redis });
      await writer.write(records.slice(0, 10));
      await break_(other.redis);
      const refused = await writer.write(records.slice(10)).then(() => undefined, classifyRedisError);
      expect(refused).toMatchObject({ reason });
      await mend(other.redis);
      expect(await restoreAll(records, { ...options(ref), redis })).toMatchObject({ jobs: { waiting: 30 } });
      expect(await verifyRestore(redis, ref, streamOf(records))).toMatchObject({ count: 0 });
      expect(await completeRestore(redis, ref, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    }
    const log = (await other.redis.call('ACL', 'LOG')) as string[][];
    expect(log.map((entry) => entry[7])).toEqual(['hset']);
    redis.disconnect();
  });
});
