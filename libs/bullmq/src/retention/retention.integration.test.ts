import { Redis } from 'ioredis';
import { QueueEvents } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import type { QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { readServerPressure } from '../redis/pressure.ts';
import { cleanFinished, JOBS_PER_STEP, sampleSizes, trimEvents, tryReadFinished } from './retention.ts';
import { completed, failed, fence, HOUR, keysOf, manyCompleted, ours, runAll } from '../testing/test-retention.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

/** Makes finished jobs older than they are. */
async function age(
  { name }: QueueRef,
  state: 'completed' | 'failed',
  ids: readonly string[],
  byMs: number,
): Promise<void> {
  for (const id of ids) {
    const finishedOn = Number(await t.redis.hget(`bull:${name}:${id}`, 'finishedOn')) - byMs;
    await t.redis.hset(`bull:${name}:${id}`, 'finishedOn', finishedOn);
    await t.redis.zadd(`bull:${name}:${state}`, finishedOn, id);
  }
}

const redisCpuMs = async (): Promise<number> => (await readServerPressure(t.redis)).commandCpuMs!;

describe('finished jobs that are too old', () => {
  test('go with all their keys, younger ones and other states stay, and BullMQ hears of it', async () => {
    const { ref, queue } = await ours(t, 'ages');
    const events = new QueueEvents('ages', { connection: t.target });
    await events.waitUntilReady();
    const cleaned = new Promise((resolve) => events.on('cleaned', ({ count }) => resolve(count)));
    const jobs = await queue.addBulk(['a', 'b', 'c', 'bad'].map((name) => ({ name, data: {} })));
    await jobs[0]!.log('a line');
    await runAll(t, ref, 4);
    await queue.add('waits', {});
    await age(ref, 'completed', ['1', '2'], 2 * HOUR);
    await age(ref, 'failed', ['4'], 2 * HOUR);
    expect(await cleanFinished(t.redis, ref, { ...completed, olderThanMs: HOUR })).toMatchObject({
      outcome: 'done',
      removed: 2,
      left: 0,
    });
    expect(await queue.getJobCounts('completed', 'failed', 'wait')).toEqual({ completed: 1, failed: 1, wait: 1 });
    expect((await keysOf(t, 'ages')).filter((key) => /:[12](:|$)/.test(key))).toEqual([]);
    expect(await cleaned).toBe('2');
    expect(await cleanFinished(t.redis, ref, { ...completed, olderThanMs: HOUR })).toMatchObject({ removed: 0 });
    await events.close();
  });

  test('go by steps of a bounded number of jobs and bytes, and a pass comes to its end', async () => {
    const { ref } = await ours(t, 'steps');
    await manyCompleted(t, ref, 400);
    const removed: number[] = [];
    let step;
    do {
      step = await cleanFinished(t.redis, ref, { ...completed, olderThanMs: 0, cursor: step?.cursor });
      removed.push(step.removed);
    } while (step.cursor);
    expect(removed).toEqual([JOBS_PER_STEP, JOBS_PER_STEP, 400 - 2 * JOBS_PER_STEP]);
    await manyCompleted(t, ref, 20, 'x'.repeat(5_000_000));
    const heavy = await cleanFinished(t.redis, ref, { ...completed, olderThanMs: 0 });
    expect(heavy.removed).toBeLessThanOrEqual(4);
    expect(heavy.freedBytes).toBeGreaterThan(15e6);
    expect(heavy.cursor).toBeDefined();
  });

  test('of any size block Redis for less than 10 ms: large data, long logs, many children', async () => {
    const { ref } = await ours(t, 'heavy');
    await manyCompleted(t, ref, 3);
    await t.redis.hset('bull:heavy:1', 'data', Buffer.alloc(100_000_000));
    await t.redis.eval(
      "for i = 1, 200000 do redis.call('RPUSH', KEYS[1], 'a line of a log, ' .. i) end",
      1,
      'bull:heavy:2:logs',
    );
    await t.redis.eval(
      "for i = 1, 100000 do redis.call('HSET', KEYS[1], 'bull:children:' .. i, 'value') end",
      1,
      'bull:heavy:3:processed',
    );
    let step;
    do {
      const beforeMs = await redisCpuMs();
      step = await cleanFinished(t.redis, ref, { ...completed, olderThanMs: 0, cursor: step?.cursor });
      // Of its processor, since a busy machine may give that to others meanwhile; of which two INFO take 0.2 ms.
      expect((await redisCpuMs()) - beforeMs).toBeLessThan(10);
    } while (step.cursor);
    expect(await keysOf(t, 'heavy')).toEqual(['bull:heavy:events', 'bull:heavy:meta']);
  });

  // Wall 4: the script that removes checks what decides.
  test('are not touched under another mark, nor by a step that comes too late', async () => {
    const { ref } = await ours(t, 'fenced');
    await manyCompleted(t, ref, 3);
    await expect(cleanFinished(t.redis, ref, { ...completed, mark: 'B' })).resolves.toMatchObject({
      outcome: 'ownershipLost',
    });
    await expect(cleanFinished(t.redis, ref, { ...completed, untilMs: Date.now() - 1_000 })).resolves.toMatchObject({
      outcome: 'late',
    });
    expect(await t.redis.zcard('bull:fenced:completed')).toBe(3);
  });

  test('are left when they are no finished jobs any more, and entries without a job go', async () => {
    const { ref, queue } = await ours(t, 'again');
    await manyCompleted(t, ref, 3);
    // Somebody deletes a job's hash by hand, and a producer adds the job again.
    await t.redis.del('bull:again:1', 'bull:again:2');
    await queue.add('new', {}, { jobId: 'own' });
    await t.redis.zadd('bull:again:completed', 1, 'own', 1, 'meta', 1, 'wait');
    expect(await cleanFinished(t.redis, ref, { ...completed, olderThanMs: HOUR / 60 })).toMatchObject({
      removed: 4,
      left: 2,
    });
    expect(await queue.getJob('own')).toMatchObject({ name: 'new' });
    expect(await t.redis.lrange('bull:again:wait', 0, -1)).toEqual(['own']);
    expect(await t.redis.hget('bull:again:meta', OWNER_FIELD)).toBe('A');
  });

  test('that are left do not stop those behind them, also of the same ms and over many steps', async () => {
    const { ref, queue } = await ours(t, 'behind');
    const ids = Array.from({ length: 1_300 }, (_, index) => `job-${index}`);
    await queue.addBulk(ids.slice(0, 1_200).map((jobId) => ({ name: 'again', data: {}, opts: { jobId } })));
    await manyCompleted(t, ref, 10);
    await t.redis.zadd('bull:behind:completed', ...ids.flatMap((id) => [5, id]));
    let [removed, left] = [0, 0];
    let step;
    do {
      step = await cleanFinished(t.redis, ref, { ...completed, olderThanMs: 0, cursor: step?.cursor });
      removed += step.removed;
      left += step.left;
    } while (step.cursor);
    expect([removed, left]).toEqual([110, 1_200]);
    expect(await queue.getWaitingCount()).toBe(1_200);
  });
});

test('a deduplication outlasts its job as long as its time says, and what is stale goes with the job', async () => {
  const { ref, queue } = await ours(t, 'dedup');
  await queue.add('once', {}, { deduplication: { id: 'hourly', ttl: HOUR } });
  await queue.add('twice', {}, { deduplication: { id: 'simple' } });
  await runAll(t, ref, 2);
  await t.redis.set('bull:dedup:de:simple', '2');
  expect(await cleanFinished(t.redis, ref, completed)).toMatchObject({ removed: 2 });
  const again = await queue.add('once', {}, { deduplication: { id: 'hourly', ttl: HOUR } });
  expect([again.id, await t.redis.exists('bull:dedup:de:simple')]).toEqual(['1', 0]);
});

test('events: a producer that sets its own length is set back, and the stream is as short as it should be', async () => {
  const { ref, queue } = await ours(t, 'events');
  await queue.addBulk(Array.from({ length: 3_000 }, () => ({ name: 'j', data: {} })));
  expect(await t.redis.xlen('bull:events:events')).toBeGreaterThan(3_000);
  expect(await trimEvents(t.redis, ref, { ...fence, mark: 'B', maxEvents: 500 })).toMatchObject({
    outcome: 'ownershipLost',
  });
  expect(await trimEvents(t.redis, ref, { ...fence, maxEvents: 500 })).toMatchObject({ outcome: 'done' });
  const newest = (await t.redis.xrevrange('bull:events:events', '+', '-', 'COUNT', 1))[0]![1];
  expect(newest).toContain('3000');
  expect(await t.redis.xlen('bull:events:events')).toBeLessThanOrEqual(600);
  expect(await tryReadFinished(t.redis, [ref])).toMatchObject([{ maxLenEvents: 500 }]);
  await t.producer(ref).waitUntilReady();
  await expect.poll(() => tryReadFinished(t.redis, [ref])).toMatchObject([{ maxLenEvents: 10_000 }]);
  expect(await trimEvents(t.redis, ref, { ...fence, maxEvents: 500 })).toMatchObject({ removed: 0 });
  expect(await tryReadFinished(t.redis, [ref])).toMatchObject([{ maxLenEvents: 500 }]);
});

// Walls 1 and 3.
test('what a queue has is read beside one that cannot be read', async () => {
  const { ref } = await ours(t, 'read');
  await manyCompleted(t, ref, 2);
  await t.redis.set('bull:wrong:completed', 'text');
  const oldestMs = Number((await t.redis.zrange('bull:read:completed', 0, '0', 'WITHSCORES'))[1]);
  expect(await tryReadFinished(t.redis, [{ prefix: 'bull', name: 'wrong' }, ref])).toMatchObject([
    { message: expect.stringContaining('WRONGTYPE') },
    { completed: { count: 2, oldestMs }, failed: { count: 0 } },
  ]);
});

describe('rights', () => {
  test('users with just the ACLs of the docs can clean, or read what there is to clean', async () => {
    const { ref } = await ours(t, 'acl');
    await manyCompleted(t, ref, 3);
    for (const [role, rules] of [
      ['controller', ACL_RULES.controller],
      ['reader', ACL_RULES.reader],
    ] as const)
      await t.redis.call('ACL', 'SETUSER', role, 'reset', 'on', '>pw', ...rules.split(' '));
    const [controller, reader] = ['controller', 'reader'].map(
      (username) => new Redis({ ...t.target, username, password: 'pw', maxRetriesPerRequest: 1 }),
    ) as [Redis, Redis];
    await expect(cleanFinished(reader, ref, completed)).rejects.toThrow('NOPERM');
    expect(await tryReadFinished(reader, [ref])).toMatchObject([{ completed: { count: 3 } }]);
    expect((await sampleSizes(reader, ref)).states.completed).toMatchObject({ count: 3 });
    expect(await cleanFinished(controller, ref, completed)).toMatchObject({ removed: 3 });
    expect(await trimEvents(controller, ref, { ...fence, maxEvents: 10 })).toMatchObject({ outcome: 'done' });
    for (const redis of [controller, reader]) redis.disconnect();
  });

  test('a failed child is left when it cannot be told whether its parent wants it', async () => {
    const { ref, queue } = await ours(t, 'beyond');
    await queue.add('bad', {}, { jobId: 'child' });
    await runAll(t, ref, 1);
    await t.redis.hset('bull:beyond:child', 'parentKey', 'other:queue:parent');
    await t.redis.hset('other:queue:parent', 'timestamp', 1);
    const rules = ACL_RULES.controller.split(' ');
    await t.redis.call('ACL', 'SETUSER', 'bounded', 'reset', 'on', '>pw', ...rules);
    const bounded = new Redis({ ...t.target, username: 'bounded', password: 'pw' });
    expect(await cleanFinished(bounded, ref, failed)).toMatchObject({ removed: 0, left: 1 });
    bounded.disconnect();
  });
});
