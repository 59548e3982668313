import { eventually } from '@redis-queue/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from './acl.ts';
import { RedisConnections } from './connections.ts';
import { sampleFinished } from './finished.ts';
import { pauseQueue, readQueuePolicy } from './policy.ts';
import { headAgeMs, readyJobs, sampleQueues, type QueueSample } from './sample.ts';
import { readServerInfo } from './server.ts';
import { testRedis, type TestRedis } from './test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const sampleOne = async (name: string, dueSoonMs = 60_000): Promise<QueueSample> =>
  (await sampleQueues(t.redis, [{ prefix: 'bull', name }], { dueSoonMs }))[0]!;

describe('sampling queues', () => {
  test('counts jobs by state, with those that are due and due soon', async () => {
    const queue = t.producer({ prefix: 'bull', name: 'states' });
    await queue.addBulk([
      { name: 'j', data: {} },
      { name: 'j', data: {} },
      { name: 'j', data: {}, opts: { priority: 3 } },
      { name: 'j', data: {}, opts: { delay: 1 } },
      { name: 'j', data: {}, opts: { delay: 30_000 } },
      { name: 'j', data: {}, opts: { delay: 3_600_000 } },
    ]);
    const sample = await eventually(async () => {
      const found = await sampleOne('states');
      return found.overdue === 1 ? found : undefined;
    });
    expect(sample).toMatchObject({
      exists: true,
      waiting: 2,
      prioritized: 1,
      delayed: 3,
      overdue: 1,
      dueSoon: 1,
      addCounter: 6,
      active: 0,
    });
    expect(readyJobs(sample)).toBe(4);
    expect(sample.nextDelayedDueMs).toBeLessThan(sample.redisTimeMs);
    expect(sample.completedTotal).toBeUndefined();
  });

  test('a queue that was never used has no data, and is not taken for an empty one', async () => {
    const sample = await sampleOne('nothing');
    expect(sample).toMatchObject({ exists: false, waiting: 0 });
    for (const key of [
      'addCounter',
      'headTimestampMs',
      'nextDelayedDueMs',
      'rateLimit',
      'globalConcurrency',
    ] as const) {
      expect(sample).not.toHaveProperty(key);
    }
  });

  test('the head of line is the job next in line; a retry in front of it is passed over, and a delay is not a wait', async () => {
    const queue = t.producer({ prefix: 'bull', name: 'head' });
    const now = Date.now();
    const stale = await queue.add('j', {}, { timestamp: now - 90_000 });
    await queue.add('j', {}, { timestamp: now - 20_000, delay: 15_000 });
    await t.redis.hset(`bull:head:${stale.id}`, 'ats', '1');
    const delayed = await sampleOne('head');
    expect(delayed).not.toHaveProperty('headTimestampMs');
    await queue.promoteJobs();
    const sample = await sampleOne('head');
    expect(sample.headTimestampMs).toBe(now - 5_000);
    expect(headAgeMs(sample)).toBeGreaterThanOrEqual(5_000);
    expect(headAgeMs(sample)).toBeLessThan(20_000);
  });

  test('pause, limits and a spent rate window are seen', async () => {
    const ref = { prefix: 'bull', name: 'policy' };
    const queue = t.producer(ref);
    await queue.setGlobalConcurrency(7);
    await queue.setGlobalRateLimit(1, 5_000);
    await queue.addBulk([1, 2].map(() => ({ name: 'j', data: {} })));
    t.worker(ref, () => Promise.resolve());
    const limited = await eventually(async () => {
      const sample = await sampleOne('policy');
      return sample.rateLimitedForMs === undefined ? undefined : sample;
    });
    expect(limited).toMatchObject({
      globalConcurrency: 7,
      rateLimit: { max: 1, durationMs: 5_000 },
      waiting: 1,
      paused: false,
    });
    await pauseQueue(t.redis, ref);
    expect(await sampleOne('policy')).toMatchObject({ paused: true, waiting: 1 });
  });

  test('totals are read when asked for and kept by workers with metrics', async () => {
    const ref = { prefix: 'bull', name: 'totals' };
    await t.producer(ref).addBulk([1, 2, 3].map(() => ({ name: 'j', data: {}, opts: { removeOnComplete: true } })));
    t.worker(ref, () => Promise.resolve(), { metrics: true });
    await eventually(async () => (await sampleQueues(t.redis, [ref], { totals: true }))[0]!.completedTotal === 3);
    expect(await sampleOne('totals')).not.toHaveProperty('completedTotal');
  });

  test('many queues come back in the order asked for, in calls of 50, and hash-tagged prefixes apart', async () => {
    const refs = Array.from({ length: 120 }, (_, i) => ({ prefix: i % 3 === 0 ? '{tag}' : 'bull', name: `many-${i}` }));
    for (const ref of refs)
      await t.redis.lpush(
        `${ref.prefix}:${ref.name}:wait`,
        ...Array.from({ length: Number(ref.name.slice(5)) + 1 }, String),
      );
    await t.redis.config('RESETSTAT');
    const samples = await sampleQueues(t.redis, refs);
    expect(samples.map((sample) => sample.waiting)).toEqual(refs.map((_, i) => i + 1));
    expect(await t.redis.info('commandstats')).toMatch(/cmdstat_evalsha_ro:calls=3,/);
  });

  test('works after SCRIPT FLUSH, as after a failover', async () => {
    await sampleOne('states');
    await t.redis.script('FLUSH');
    expect((await sampleOne('states')).waiting).toBe(2);
    expect(await t.redis.info('errorstats')).toMatch(/NOSCRIPT/);
  });

  test('a user who may only read, with the ACL of the docs, can sample what a worker left', async () => {
    await t.redis.call('ACL', 'SETUSER', 'sampler', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
    const connections = new RedisConnections({ clientName: 'sampler' });
    const reader = connections.get({ ...t.target, username: 'sampler', password: 'pw' });
    const ref = { prefix: 'bull', name: 'states' };
    expect((await sampleQueues(reader, [ref]))[0]).toMatchObject({ waiting: 2 });
    expect(await sampleFinished(reader, ref)).toMatchObject({ completed: 0 });
    expect(await readQueuePolicy(reader, ref)).toMatchObject({ exists: true });
    expect(await readServerInfo(reader)).toMatchObject({ product: 'redis' });
    await expect(reader.set('bull:x', '1')).rejects.toThrow(/NOPERM/);
    await expect(reader.get('other')).rejects.toThrow(/NOPERM/);
    connections.close();
  });
});
