import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { RedisConnections } from '../connections/connections.ts';
import { sampleFinished } from './finished.ts';
import { readQueuePolicy, setPaused } from '../policy/policy.ts';
import { headAgeMs, readyJobs, sampleBacklogs, sampleQueues, type BacklogSample, type QueueSample } from './sample.ts';
import { readServerInfo } from '../connections/server.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const sampleOne = async (name: string, dueSoonMs = 60_000): Promise<QueueSample> =>
  (await sampleQueues(t.redis, [{ prefix: 'bull', name }], { dueSoonMs }))[0]!;

const WITHOUT_ORPHANS = () => ({ heads: true, rare: true, orphans: false });

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

  test('counts by quarters of the horizon what is due soon', async () => {
    const queue = t.producer({ prefix: 'bull', name: 'quarters' });
    await queue.addBulk(
      [10_000, 10_000, 25_000, 40_000, 55_000, 3_600_000].map((delay) => ({ name: 'j', data: {}, opts: { delay } })),
    );
    expect(await sampleOne('quarters')).toMatchObject({ dueSoon: 5, dueByQuarter: [2, 3, 4] });
    const later = t.producer({ prefix: 'bull', name: 'later' });
    await later.add('j', {}, { delay: 3_600_000 });
    expect(await sampleOne('later')).not.toHaveProperty('dueByQuarter');
    // Four times as many in line.
    await queue.addBulk(Array.from({ length: 19 }, () => ({ name: 'j', data: {} })));
    expect(await sampleOne('quarters')).toHaveProperty('dueByQuarter');
    await queue.add('j', {});
    const beside = await sampleOne('quarters');
    expect(beside).toMatchObject({ waiting: 20, dueSoon: 5 });
    expect(beside).not.toHaveProperty('dueByQuarter');
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
    await setPaused(t.redis, ref, { paused: true, expected: undefined });
    expect(await sampleOne('policy')).toMatchObject({ paused: true, waiting: 1 });
  });

  test("a window of a worker's own limit is seen while jobs wait, and so is a limit that a handler asks for", async () => {
    const ref = { prefix: 'bull', name: 'own-limit' };
    const queue = t.producer(ref);
    t.worker(ref, () => Promise.resolve(), { limiter: { max: 1, duration: 60_000 } });
    await queue.add('j', {});
    await eventually(async () => (await queue.getCompletedCount()) === 1);
    expect(await sampleOne('own-limit')).not.toHaveProperty('limitWindowMs');
    await queue.addBulk([1, 2].map(() => ({ name: 'j', data: {} })));
    const own = await sampleOne('own-limit');
    expect(own.limitWindowMs).toBeGreaterThan(30_000);
    expect(own).not.toHaveProperty('rateLimitedForMs');
    const other = t.producer({ prefix: 'bull', name: 'asked-limit' });
    await other.add('j', {}, { priority: 3 });
    await other.rateLimit(60_000);
    expect((await sampleOne('asked-limit')).limitWindowMs).toBeGreaterThan(30_000);
  });

  test('totals are read when asked for and kept by workers with metrics', async () => {
    const ref = { prefix: 'bull', name: 'totals' };
    await t.producer(ref).addBulk([1, 2, 3].map(() => ({ name: 'j', data: {}, opts: { removeOnComplete: true } })));
    t.worker(ref, () => Promise.resolve(), { metrics: true });
    await eventually(async () => (await sampleQueues(t.redis, [ref], { totals: true }))[0]!.completedTotal === 3);
    expect(await sampleOne('totals')).not.toHaveProperty('completedTotal');
  });

  test('a backlog has the values of a whole sample for each queue, where they were asked for', async () => {
    const ref = { prefix: 'bull', name: 'backlog' };
    const queue = t.producer(ref);
    await queue.add('parent', {}, { delay: 50_000 });
    await queue.addBulk([1, 2, 3].map((priority) => ({ name: 'j', data: {}, opts: { priority } })));
    await queue.setGlobalConcurrency(3);
    const [whole] = await sampleQueues(t.redis, [ref]);
    const [backlog] = await sampleBacklogs(t.redis, [ref]);
    const { completed, failed, exists, nextDelayedDueMs, ...same } = whole!;
    expect({ completed, failed, exists }).toEqual({ completed: 0, failed: 0, exists: true });
    expect(nextDelayedDueMs).toBeGreaterThan(whole!.redisTimeMs);
    expect(backlog).toEqual({ ...same, redisTimeMs: backlog!.redisTimeMs });
    const [counts] = await sampleBacklogs(t.redis, [ref], {
      fields: () => ({ heads: false, rare: false, orphans: false }),
    });
    const { headTimestampMs, globalConcurrency, ...plain } = backlog!;
    expect(headTimestampMs).toBeLessThanOrEqual(whole!.redisTimeMs);
    expect(globalConcurrency).toBe(3);
    expect(counts).toEqual({ ...plain, redisTimeMs: counts!.redisTimeMs });
    await queue.drain();
    const [rest] = await sampleBacklogs(t.redis, [ref], {
      fields: () => ({ heads: false, rare: false, orphans: false }),
    });
    expect(rest!.nextDelayedDueMs).toBe(nextDelayedDueMs);
  });

  test('each queue has a horizon of its own', async () => {
    const refs = ['near', 'far', 'nearer'].map((name) => ({ prefix: 'bull', name }));
    await Promise.all(
      refs.flatMap((ref) => [5_000, 40_000, 110_000].map((delay) => t.producer(ref).add('later', {}, { delay }))),
    );
    const horizons = [60_000, 120_000, 1_000];
    const samples = await sampleBacklogs(t.redis, refs, { dueSoonMs: (index) => horizons[index]! });
    expect(samples.map(({ dueSoon }) => dueSoon)).toEqual([2, 3, 0]);
    expect(samples.map(({ dueByQuarter }) => dueByQuarter)).toEqual([[1, 1, 2], [1, 2, 2], undefined]);
  });

  test('runs of job schedulers within the horizon are counted beyond the one that is delayed', async () => {
    const ref = { prefix: 'bull', name: 'schedulers' };
    const queue = t.producer(ref);
    const sample = async (): Promise<BacklogSample> =>
      (await sampleBacklogs(t.redis, [ref], { dueSoonMs: () => 10_000 }))[0]!;
    await queue.upsertJobScheduler('each-second', { every: 1_000 });
    // The next run of a scheduler that is new is now; what it left after its first run is what counts.
    const worker = t.worker(ref, () => Promise.resolve());
    await eventually(async () => (await sample()).delayed === 1 && (await queue.getCompletedCount()) > 0);
    await worker.close();
    const one = await eventually(async () => {
      const found = await sample();
      return found.dueSoon === 1 ? found : undefined;
    });
    expect(one.schedulers).toBe(1);
    expect(one.scheduledSoon).toBeGreaterThanOrEqual(9);
    expect(one.scheduledSoon).toBeLessThanOrEqual(10);
    await queue.upsertJobScheduler('daily', { pattern: '0 3 * * *' });
    await queue.upsertJobScheduler('hourly', { every: 3_600_000, startDate: Date.now() + 1_800_000 });
    expect(await sample()).toMatchObject({ schedulers: 3 });
    expect((await sample()).scheduledSoon).toBeLessThanOrEqual(10);
    await queue.removeJobScheduler('each-second');
    expect(await sample()).toMatchObject({ schedulers: 2, scheduledSoon: 0 });
  });

  test('a scheduler with a limit of runs is not counted beyond it', async () => {
    const now = Date.now();
    await t.redis.zadd('bull:limited:repeat', now + 500, 'thrice', now + 500, 'ends');
    await t.redis.hset('bull:limited:repeat:thrice', { every: 1_000, limit: 4, ic: 1 });
    await t.redis.hset('bull:limited:repeat:ends', { every: 1_000, endDate: now + 4_600 });
    const [sample] = await sampleBacklogs(t.redis, [{ prefix: 'bull', name: 'limited' }], { dueSoonMs: () => 60_000 });
    expect(sample!.scheduledSoon).toBe(3 + 4);
  });

  test('active jobs whose lock is gone are orphans; those of a worker that lives are not', async () => {
    const ref = { prefix: 'bull', name: 'orphans' };
    const queue = t.producer(ref);
    await queue.addBulk(Array.from({ length: 14 }, () => ({ name: 'j', data: {} })));
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const worker = t.worker(ref, () => released, { concurrency: 14 });
    const sample = async (): Promise<BacklogSample> => (await sampleBacklogs(t.redis, [ref]))[0]!;
    await eventually(async () => (await sample()).active === 14);
    expect(await sample()).not.toHaveProperty('orphaned');
    const ids = await t.redis.lrange('bull:orphans:active', 0, -1);
    const locks = ids.map((id) => `bull:orphans:${id}:lock`);
    await t.redis.del(...locks.slice(-2));
    expect(await sample()).toMatchObject({ active: 14, orphaned: 2 });
    await t.redis.del(...locks);
    expect(await sample()).toMatchObject({ active: 14, orphaned: 14 });
    expect((await sampleBacklogs(t.redis, [ref], { fields: WITHOUT_ORPHANS }))[0]).not.toHaveProperty('orphaned');
    release();
    await worker.close(true);
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
