import { Queue as QueueOf5 } from 'bullmq-5';
import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RedisConnections } from '../connections/connections.ts';
import type { QueueRef } from '../redis/keys.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { beginRestore } from './begin-restore.ts';
import { abandonRestore } from './abandon-restore.ts';
import { assertPlaced, completeRestore } from './complete-restore.ts';
import { endRestore } from './end-restore.ts';
import { RESTORE_FIELD, RESTORED_FIELD, RestoreIncompleteError, RestoreLostError } from '../ownership/restore-mark.ts';
import {
  contentsOf,
  HOUR,
  idsOf,
  killedAfter,
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

function withMeta(meta: Record<string, string>): QueueRecord[] {
  return records.map((record) => (record.kind === 'queue' ? { ...record, meta } : record));
}

describe('completing a restore', () => {
  test('wakes a worker that waits, within a second', async () => {
    const ref = place('woken');
    await restoreAll(records, options(ref));
    let startedAtMs = 0;
    const worker = t.worker(ref, async () => void (startedAtMs ||= performance.now()));
    await worker.waitUntilReady();
    await eventually(async () => (await t.redis.exists('bull:woken:stalled-check')) === 1, { timeoutMs: 10_000 });
    const resumedAtMs = performance.now();
    expect(await completeRestore(t.redis, ref, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    await eventually(() => Promise.resolve(startedAtMs > 0), { timeoutMs: 10_000 });
    expect(startedAtMs - resumedAtMs).toBeLessThan(1_000);
    // Who did not hear of it asks again; after a Redis without memory nobody is told that it is done.
    expect(await completeRestore(t.redis, ref, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    await expect(completeRestore(t.redis, ref, 'r-2', { resume: true })).rejects.toThrow(RestoreLostError);
    await t.redis.del('bull:woken:meta');
    await expect(completeRestore(t.redis, ref, 'r-1', { resume: true })).rejects.toThrow(RestoreLostError);
  });

  test('without resuming holds it, with its job schedulers, until it is resumed', async () => {
    const ref = place('held');
    await restoreAll(records, options(ref));
    expect(await completeRestore(t.redis, ref, 'r-1', { resume: false })).toMatchObject({ outcome: 'held' });
    expect(await t.redis.hmget('bull:held:meta', 'paused', RESTORE_FIELD)).toEqual(['1', 'r-1 1 held']);
    expect(await t.redis.exists('bull:held:repeat')).toBe(0);
    const by = 'restore r-1, which waits until it is resumed';
    expect(await beginRestore(t.redis, ref, 'r-2')).toEqual({ outcome: 'occupied', by, restoreId: 'r-1' });
    expect(await completeRestore(t.redis, ref, 'r-1', { resume: true })).toMatchObject({ outcome: 'resumed' });
    expect(await t.redis.zrange('bull:held:repeat', 0, '-1')).toEqual(['nightly']);
    expect(await t.redis.hmget('bull:held:meta', 'paused', RESTORE_FIELD)).toEqual([null, null]);
  });

  test('leaves a queue paused that was, in the backup or here before', async () => {
    const [paused, there] = [place('paused-source'), place('paused-target')];
    const meta = { paused: '1', concurrency: '7', max: '5', duration: '1000', version: 'bullmq:6.7.0' };
    await restoreAll(withMeta(meta), options(paused));
    await t.redis.hset('bull:paused-target:meta', 'paused', 1);
    await restoreAll(records, options(there));
    for (const ref of [paused, there]) {
      expect(await completeRestore(t.redis, ref, 'r-1', { resume: true })).toMatchObject({ outcome: 'paused' });
      expect(await t.redis.hget(`bull:${ref.name}:meta`, 'paused')).toBe('1');
      expect(await t.redis.zrange(`bull:${ref.name}:repeat`, 0, '-1')).toEqual(['nightly']);
    }
    const limits = await t.redis.hmget('bull:paused-source:meta', 'concurrency', 'max', 'duration');
    expect(limits).toEqual(['7', '5', '1000']);
  });

  // Its jobs have run: by a status that is older than its end it would put them there once more.
  test('is the end of it: the same restore does not begin again, also once the queue is empty, and another one does', async () => {
    const ref = place('completed');
    await restoreAll(records, options(ref));
    await completeRestore(t.redis, ref, 'r-1', { resume: true });
    const jobs = await contentsOf(t.redis, ref);
    expect(await beginRestore(t.redis, ref, 'r-1')).toEqual({ outcome: 'restored' });
    expect(await contentsOf(t.redis, ref)).toEqual(jobs);
    await t.producer(ref).obliterate({ force: true });
    await t.redis.hset('bull:completed:meta', RESTORED_FIELD, 'r-1 resumed');
    expect(await beginRestore(t.redis, ref, 'r-1')).toEqual({ outcome: 'restored' });
    expect(await t.redis.hmget('bull:completed:meta', 'paused', RESTORE_FIELD)).toEqual([null, null]);
    expect(await beginRestore(t.redis, ref, 'r-2')).toEqual({ outcome: 'begun' });
  });

  test('leaves a queue paused that is to be paused by now, however the restore ends', async () => {
    const [completed, ended, abandoned] = [place('kept-completed'), place('kept-ended'), place('kept-abandoned')];
    let asked = 0;
    const keepsPaused = (): boolean => ++asked > 0;
    for (const ref of [completed, ended]) await restoreAll(records, options(ref));
    await beginRestore(t.redis, abandoned, 'r-1');
    const resume = { resume: true, keepsPaused };
    expect(await completeRestore(t.redis, completed, 'r-1', resume)).toMatchObject({ outcome: 'paused' });
    expect(await endRestore(t.redis, ended, 'r-1', { goesOn: () => true, keepsPaused })).toBe('paused');
    expect(await abandonRestore(t.redis, abandoned, 'r-1', { keepsPaused })).toBe('done');
    expect(asked).toBeGreaterThanOrEqual(3);
    for (const { name } of [completed, ended, abandoned])
      expect(await t.redis.hmget(`bull:${name}:meta`, 'paused', RESTORE_FIELD)).toEqual(['1', null]);
    expect(await t.redis.zrange('bull:kept-completed:repeat', 0, '-1')).toEqual(['nightly']);
  });

  test('is refused before its jobs are in their places, as after a failover that has lost the newest of it', async () => {
    const ref = place('set-back');
    await beginRestore(t.redis, ref, 'r-1');
    await expect(assertPlaced(t.redis, ref, 'r-1')).rejects.toThrow(RestoreIncompleteError);
    await expect(completeRestore(t.redis, ref, 'r-1', { resume: true })).rejects.toThrow(RestoreIncompleteError);
    await expect(assertPlaced(t.redis, ref, 'r-2')).rejects.toThrow(RestoreLostError);
    await restoreAll(records, options(ref));
    await assertPlaced(t.redis, ref, 'r-1');
    await completeRestore(t.redis, ref, 'r-1', { resume: true });
    // By its receipt.
    await assertPlaced(t.redis, ref, 'r-1');
  });

  test('of a queue of BullMQ 5 keeps every job when its clients pause and resume', async () => {
    const ref = place('five');
    const silent = withMeta({});
    await restoreAll(silent, options(ref));
    expect(await t.redis.lrange('bull:five:paused', 0, -1)).toEqual(idsOf(30, 1));
    expect(await verifyRestore(t.redis, ref, streamOf(silent))).toMatchObject({ count: 0 });
    const queue = new QueueOf5(ref.name, { connection: t.target, skipMetasUpdate: true });
    await queue.pause();
    await completeRestore(t.redis, ref, 'r-1', { resume: true });
    expect(await t.redis.lrange('bull:five:wait', 0, -1)).toEqual(idsOf(30, 1));
    await queue.close();
  });

  test('leaves out the runs of a job scheduler since the snapshot', async () => {
    const ref = place('late');
    const nightly = records.find((record) => record.kind === 'scheduler')!;
    const formerMs = nightly.nextMs - 24 * HOUR;
    const late = JSON.parse(
      JSON.stringify(records).replaceAll(`repeat:nightly:${nightly.nextMs}`, `repeat:nightly:${formerMs}`),
    ) as QueueRecord[];
    const earlier = late.map((record): QueueRecord => {
      if (record.kind === 'scheduler') return { ...record, nextMs: formerMs };
      return record.kind === 'queue' ? { ...record, snapshotAt: formerMs - HOUR } : record;
    });
    await restoreAll(earlier, options(ref));
    await completeRestore(t.redis, ref, 'r-1', { resume: true });
    expect(await t.redis.zscore('bull:late:repeat', 'nightly')).toBe(String(nightly.nextMs));
    expect(await t.redis.zscore('bull:late:delayed', `repeat:nightly:${nightly.nextMs}`)).toBe(
      String(nightly.nextMs * 4_096),
    );
    expect(await t.redis.exists(`bull:late:repeat:nightly:${formerMs}`)).toBe(0);
    const { opts } = await t.redis.hgetall(`bull:late:repeat:nightly:${nightly.nextMs}`);
    expect(JSON.parse(opts!)).toMatchObject({
      prevMillis: nightly.nextMs,
      repeatJobKey: 'nightly',
      repeat: { count: 1 },
    });
  });
});

describe('ending a restore that nobody goes on with', () => {
  const always = { goesOn: () => true };

  test('resumes one whose jobs are in their places, with its job schedulers, whoever has resumed the queue meanwhile', async () => {
    for (const hold of [true, false]) {
      const ref = place(`ended-${hold}`);
      await restoreAll(records, options(ref));
      if (hold) await completeRestore(t.redis, ref, 'r-1', { resume: false });
      await t.producer(ref).resume();
      expect(await endRestore(t.redis, ref, 'r-2', always)).toBe('gone');
      expect(await endRestore(t.redis, ref, 'r-1', always)).toBe('resumed');
      expect(await t.redis.zrange(`bull:${ref.name}:repeat`, 0, '-1')).toEqual(['nightly']);
      expect(await t.redis.hmget(`bull:${ref.name}:meta`, 'paused', RESTORE_FIELD)).toEqual([null, null]);
      expect(await t.redis.lrange(`bull:${ref.name}:wait`, 0, -1)).toEqual(idsOf(30, 1));
    }
  });

  test('finishes one that was putting them there, and removes one that had not begun to, over as many calls as it takes', async () => {
    const [half, none] = [place('ended-placing'), place('ended-filling')];
    const partly = async (ref: QueueRef): Promise<void> => {
      await beginRestore(t.redis, ref, 'r-1');
      await writerOf(options(ref)).write(records);
    };
    await Promise.all([partly(half), partly(none)]);
    const step = killedAfter(t.redis, 2, 'before it is done');
    await expect(writerOf({ ...options(half), redis: step.redis }).finish()).rejects.toThrow('killed');
    expect(await t.redis.hget('bull:ended-placing:meta', RESTORE_FIELD)).toContain('placing');
    expect(await endRestore(t.redis, half, 'r-1', { goesOn: () => false })).toBe('more');
    expect(await endRestore(t.redis, half, 'r-1', always)).toBe('resumed');
    expect(await t.redis.lrange('bull:ended-placing:wait', 0, -1)).toEqual(idsOf(30, 1));
    expect(await endRestore(t.redis, none, 'r-1', always)).toBe('removed');
    expect(await beginRestore(t.redis, none, 'r-2')).toEqual({ outcome: 'begun' });
  });
});

const many = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));

test('what is large or odd is restored as it was, over a connection whose replies are bounded', async () => {
  const ref = place('odd');
  const fields = many(3_000, (n) => [`field-${n}`, 'v'] as const);
  const odd: QueueRecord[] = [
    { kind: 'queue', ...ref, meta: {}, lastId: '7', snapshotAt: 1, consistent: true },
    { kind: 'index', state: 'waiting', entries: [['large'], ['many'], ['__proto__'], ['meta'], ['ü\u0000']] },
    { kind: 'job', id: 'large', hash: { data: 'x'.repeat(10_000_000) } },
    {
      kind: 'job',
      id: 'many',
      hash: Object.fromEntries(fields),
      logs: many(2_500, (n) => `line ${n}`),
      dependencies: many(2_500, (n) => `bull:odd:child-${n}`),
      processed: Object.fromEntries(many(1_500, (n) => [`bull:odd:done-${n}`, String(n)])),
      unsuccessful: many(1_200, (n): [string, number] => [`bull:odd:bad-${n}`, n]),
    },
    { kind: 'job', id: '__proto__', hash: JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string> },
    { kind: 'job', id: 'meta', hash: { data: 'over the queue itself' } },
    { kind: 'job', id: 'ü\u0000', hash: { data: { b64: '/wD+' } } },
  ];
  const connections = new RedisConnections({ clientName: 'restore-test' });
  const redis = connections.get(t.target);
  expect(await restoreAll(odd, { redis, target: ref })).toMatchObject({ jobs: { waiting: 4 }, skipped: 1 });
  expect(await verifyRestore(redis, ref, streamOf(odd))).toEqual({ jobs: 4, count: 0, first: [] });
  expect(await t.redis.llen('bull:odd:many:logs')).toBe(2_500);
  expect(await t.redis.hgetall('bull:odd:meta')).not.toHaveProperty('data');
  expect(await t.redis.hgetBuffer('bull:odd:ü\u0000', 'data')).toEqual(Buffer.from([0xff, 0, 0xfe]));
  await t.redis.lset('bull:odd:many:logs', 2_100, 'another');
  const { first } = await verifyRestore(redis, ref, streamOf(odd));
  expect(first).toEqual(['job many of bull:odd has other logs, from 2000 on']);
  connections.close();
});

test('a job that moved while the backup was read is in its later state, with its later hash', async () => {
  const ref = place('moved');
  const moved: QueueRecord[] = [
    { kind: 'queue', ...ref, meta: {}, snapshotAt: 1, consistent: false },
    { kind: 'index', state: 'delayed', entries: [['2', 4_096]] },
    { kind: 'index', state: 'waiting', entries: [['1'], ['3'], ['4']] },
    ...['1', '2', '3', '4'].map((id): QueueRecord => ({ kind: 'job', id, hash: { name: 'j', defa: 'x' } })),
    // A retry, a job that was promoted, and one that has ended.
    { kind: 'index', state: 'waiting', entries: [['1'], ['2']] },
    { kind: 'index', state: 'completed', entries: [['4', 17]] },
    ...['1', '2', '4'].map((id): QueueRecord => ({ kind: 'job', id, hash: { name: 'j', atm: '1' } })),
  ];
  const summary = await restoreAll(moved, { redis: t.redis, target: ref, partSize: 3 });
  expect(summary).toMatchObject({ jobs: { waiting: 3, delayed: 0, completed: 1 } });
  expect(await t.redis.lrange('bull:moved:paused', 0, -1)).toEqual(['2', '1', '3']);
  expect(await t.redis.hgetall('bull:moved:1')).toEqual({ name: 'j', atm: '1' });
  expect(await verifyRestore(t.redis, ref, streamOf(moved))).toMatchObject({ count: 0 });
});

describe('verifying a restore', () => {
  const CHANGES: [string, string, (base: string) => Promise<unknown>][] = [
    ['a field', 'job 3 of bull:NAME has another data', (base) => t.redis.hset(`${base}3`, 'data', 'x')],
    ['a field more', 'job 3 of bull:NAME has another number of fields', (base) => t.redis.hset(`${base}3`, 'x', 'x')],
    ['a job that is absent', 'job 3 of bull:NAME is absent', (base) => t.redis.del(`${base}3`)],
    ['a log line', 'job 1 of bull:NAME has other logs', (base) => t.redis.lset(`${base}1:logs`, 1, 'x')],
    [
      'a priority',
      'job 32 of bull:NAME is not prioritized with the score',
      (base) => t.redis.zadd(`${base}prioritized`, 1, '32'),
    ],
    [
      'a delay',
      'job 31 of bull:NAME is not delayed with the score',
      (base) => t.redis.zrem(`${base}restore:promotable`, '31'),
    ],
    [
      'the order',
      'job 30 of bull:NAME does not wait in its place',
      async (base) => {
        await t.redis.lset(`${base}wait`, 0, '29');
        await t.redis.lset(`${base}wait`, 1, '30');
      },
    ],
    ['a counter', 'the counter id is 5, below', (base) => t.redis.set(`${base}id`, 5)],
    [
      'a job scheduler',
      'job scheduler nightly is not held back',
      (base) => t.redis.hdel(`${base}restore:slots`, 'nightly'),
    ],
  ];
  test.each(CHANGES)('finds %s that differs', async (what, difference, change) => {
    const ref = place(`differs-${what.replaceAll(' ', '-')}`);
    await restoreAll(records, options(ref));
    expect(await verifyRestore(t.redis, ref, streamOf(records))).toEqual({ jobs: 33, count: 0, first: [] });
    await change(`bull:${ref.name}:`);
    const { count, first } = await verifyRestore(t.redis, ref, streamOf(records));
    expect(count).toBeGreaterThan(0);
    expect(first.join('\n')).toContain(difference.replace('NAME', ref.name));
  });
});
