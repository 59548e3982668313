import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from './acl.ts';
import { classifyRedisError } from './errors.ts';
import { RedisConnections } from './connections.ts';
import { obliterateStep, type ObliterateResult } from './obliterate.ts';
import { OWNER_FIELD, writeMeta } from './owner-mark.ts';
import { pauseQueue, rateLimitFields, readQueuePolicy, resumeQueue } from './policy.ts';
import { sampleQueues } from './sample.ts';
import { readServerInfo } from './server.ts';
import { testRedis, type TestRedis } from './test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

/** Repeats the step until it says something other than "more". */
async function obliterate(name: string, force = false): Promise<ObliterateResult[]> {
  const results: ObliterateResult[] = [];
  do results.push(await obliterateStep(t.redis, { prefix: 'bull', name }, { force }));
  while (results.at(-1) === 'more');
  return results;
}

async function reason(command: Promise<unknown>): Promise<string> {
  const error = await command.then(
    () => new Error('it worked'),
    (caught: unknown) => caught,
  );
  return classifyRedisError(error).reason;
}

describe('writing what a queue has to obey', () => {
  const ref = { prefix: 'bull', name: 'meta' };

  test('an untouched queue has no policy, and reading it creates nothing', async () => {
    expect(await readQueuePolicy(t.redis, ref)).toEqual({ exists: false, paused: false, legacyPaused: 0 });
    expect(await t.redis.dbsize()).toBe(0);
  });

  test('the mark is taken only from whom it was read of, and what goes with it is written at once', async () => {
    expect(
      await writeMeta(t.redis, ref, {
        expected: undefined,
        mark: 'A',
        set: rateLimitFields({ max: 5, durationMs: 500 }),
      }),
    ).toBe(true);
    expect(await writeMeta(t.redis, ref, { expected: undefined, mark: 'B', set: { concurrency: 1 } })).toBe(false);
    expect(await readQueuePolicy(t.redis, ref)).toMatchObject({
      rawOwnerMark: 'A',
      rateLimit: { max: 5, durationMs: 500 },
    });
    expect(
      await writeMeta(t.redis, ref, { expected: 'A', mark: 'B', set: { concurrency: 3 }, clear: ['max', 'duration'] }),
    ).toBe(true);
    expect(await t.redis.hgetall('bull:meta:meta')).toEqual({ [OWNER_FIELD]: 'B', concurrency: '3' });
    expect(await writeMeta(t.redis, ref, { expected: 'B', mark: null, clear: ['concurrency'] })).toBe(true);
    expect(await t.redis.exists('bull:meta:meta')).toBe(0);
  });

  test("pause and resume write nothing else into meta, and a resume moves a v5 client's paused jobs back", async () => {
    const legacy = { prefix: 'bull', name: 'legacy' };
    await t.redis.lpush('bull:legacy:paused', '1', '2');
    await pauseQueue(t.redis, legacy);
    expect(await t.redis.hgetall('bull:legacy:meta')).toEqual({ paused: '1' });
    expect(await readQueuePolicy(t.redis, legacy)).toMatchObject({ paused: true, legacyPaused: 2 });
    await resumeQueue(t.redis, legacy);
    expect(await readQueuePolicy(t.redis, legacy)).toMatchObject({ paused: false, legacyPaused: 0 });
    expect(await t.redis.lrange('bull:legacy:wait', 0, -1)).toEqual(['2', '1']);
  });

  test('workers obey a limit and a concurrency written like this', async () => {
    const live = { prefix: 'bull', name: 'obeyed' };
    await writeMeta(t.redis, live, {
      expected: undefined,
      mark: 'A',
      set: { ...rateLimitFields({ max: 2, durationMs: 5_000 }) },
    });
    const queue = t.producer(live);
    await queue.addBulk(Array.from({ length: 6 }, () => ({ name: 'j', data: {} })));
    let ran = 0;
    const limited = Promise.withResolvers<void>();
    const worker = t.worker(live, async () => void ran++);
    worker.on('drained', () => limited.resolve());
    await expect.poll(() => ran, { timeout: 5_000 }).toBe(2);
    await expect.poll(() => t.redis.pttl('bull:obeyed:limiter')).toBeGreaterThan(0);
    expect(ran).toBe(2);
    expect(await readQueuePolicy(t.redis, live)).toMatchObject({
      rawOwnerMark: 'A',
      clientVersion: expect.stringMatching(/^bullmq:/),
    });
  });
});

describe('obliterating a queue', () => {
  test('leaves nothing, in steps of at most 1,000 jobs', async () => {
    const queue = t.producer({ prefix: 'bull', name: 'gone' });
    await queue.addBulk(
      Array.from({ length: 2_500 }, (_, i) => ({
        name: 'j',
        data: {},
        opts: i % 2 ? { delay: 60_000 } : { priority: 1 + (i % 9) },
      })),
    );
    await queue.upsertJobScheduler('s', { every: 60_000 });
    await t.redis.set('bull:gone:limiter', '5', 'PX', 60_000);
    const results = await obliterate('gone');
    expect(results.length).toBeGreaterThanOrEqual(3);
    expect(results.at(-1)).toBe('done');
    expect(await t.redis.keys('bull:gone:*')).toEqual([]);
  });

  test('refuses while jobs are active, unless forced', async () => {
    await t.producer({ prefix: 'bull', name: 'busy' }).add('j', {});
    await t.redis.rpoplpush('bull:busy:wait', 'bull:busy:active');
    expect(await obliterate('busy')).toEqual(['activeJobs']);
    expect(await t.redis.llen('bull:busy:active')).toBe(1);
    expect((await obliterate('busy', true)).at(-1)).toBe('done');
    expect(await t.redis.keys('bull:busy:*')).toEqual([]);
  });

  test('flow parents that wait for other queues are a reason to refuse, unless forced', async () => {
    await t.redis.zadd('bull:flow:waiting-children', 1, 'p1');
    await t.redis.hset('bull:flow:p1', 'name', 'parent');
    expect(await obliterate('flow')).toEqual(['waitingChildren']);
    expect((await obliterate('flow', true)).at(-1)).toBe('done');
    expect(await t.redis.keys('bull:flow:*')).toEqual([]);
  });

  test('an absent queue is done at once', async () => {
    expect(await obliterate('absent')).toEqual(['done']);
    expect(await t.redis.keys('bull:absent:*')).toEqual([]);
  });
});

describe('connections', () => {
  test('one connection per target is shared, idle ones are closed', async () => {
    let now = 0;
    const connections = new RedisConnections({ clientName: 'rq-shared', now: () => now });
    const first = connections.get(t.target);
    expect(connections.get({ ...t.target })).toBe(first);
    expect(await first.ping()).toBe('PONG');
    const other = connections.get({ ...t.target, db: 1 });
    expect(other).not.toBe(first);
    now = 10_000;
    connections.get(t.target);
    connections.closeIdle(5_000);
    expect(connections.size).toBe(1);
    expect(await first.ping()).toBe('PONG');
    connections.close();
    expect(connections.size).toBe(0);
  });

  test('a connection that is lost, and stands again, is reported once each; the first and a released one are not', async () => {
    const other = await testRedis();
    const changes: boolean[] = [];
    const connections = new RedisConnections({ onChange: (_, up) => changes.push(up) });
    await connections.get(other.target).ping();
    expect(changes).toEqual([]);
    await other.server.kill9();
    await eventually(() => changes.length === 1);
    await other.server.restart();
    await eventually(() => changes.length === 2);
    expect(changes).toEqual([false, true]);
    connections.release(other.target);
    await connections.get(other.target).ping();
    connections.close();
    await other[Symbol.asyncDispose]();
    expect(changes).toEqual([false, true]);
  });

  test('the first connection is reported when attempts before it had failed', async () => {
    const other = await testRedis();
    await other.server.kill9();
    const changes: boolean[] = [];
    const connections = new RedisConnections({ onChange: (_, up) => changes.push(up) });
    expect(await reason(connections.get(other.target).ping())).toBe('RedisUnreachable');
    expect(changes).toEqual([]);
    await other.server.restart();
    await eventually(() => changes.length === 1);
    expect(changes).toEqual([true]);
    connections.close();
    await other[Symbol.asyncDispose]();
  });

  test('a server that is not there and a wrong password fail within seconds, for the right reason', async () => {
    const connections = new RedisConnections();
    expect(await reason(connections.get({ host: '127.0.0.1', port: 1 }).ping())).toBe('RedisUnreachable');
    const locked = await testRedis(['--requirepass', 'right']);
    expect(await reason(connections.get({ ...locked.target, password: 'hunter2' }).ping())).toBe('RedisAuthFailed');
    expect(await reason(connections.get(locked.target).ping())).toBe('RedisAuthFailed');
    connections.close();
    await locked[Symbol.asyncDispose]();
  });
});

test('a user with just the ACL of the docs can do all that the queue controller does', async () => {
  await t.redis.call('ACL', 'SETUSER', 'controller', 'reset', 'on', '>pw', ...ACL_RULES.controller.split(' '));
  const connections = new RedisConnections({ clientName: 'rq' });
  const redis = connections.get({ ...t.target, username: 'controller', password: 'pw' });
  const ref = { prefix: 'bull', name: 'acl' };
  await t.producer(ref).addBulk([
    { name: 'j', data: {} },
    { name: 'j', data: {}, opts: { priority: 1 } },
    { name: 'j', data: {}, opts: { delay: 9_000 } },
  ]);
  expect(
    await writeMeta(redis, ref, {
      expected: undefined,
      mark: 'A',
      set: rateLimitFields({ max: 5, durationMs: 500 }),
      clear: ['concurrency'],
    }),
  ).toBe(true);
  await pauseQueue(redis, ref);
  await resumeQueue(redis, ref);
  expect(await readQueuePolicy(redis, ref)).toMatchObject({ paused: false, rawOwnerMark: 'A' });
  expect(await sampleQueues(redis, [ref])).toMatchObject([{ waiting: 1, prioritized: 1, delayed: 1 }]);
  expect(await readServerInfo(redis)).toMatchObject({ maxmemoryPolicy: 'noeviction' });
  expect(await obliterateStep(redis, ref, { force: false })).toBe('done');
  await expect(redis.set('other', '1')).rejects.toThrow(/NOPERM/);
  await expect(redis.flushall()).rejects.toThrow(/NOPERM/);
  await expect(redis.keys('*')).rejects.toThrow(/NOPERM/);
  connections.close();
});

test('the server reports its version and its eviction policy', async () => {
  expect(await readServerInfo(t.redis)).toMatchObject({
    product: 'redis',
    tooOld: false,
    maxmemoryPolicy: 'noeviction',
    role: 'master',
  });
});
