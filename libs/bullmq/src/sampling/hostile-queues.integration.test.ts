import { Queue } from 'bullmq';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnections } from '../connections/connections.ts';
import { classifyRedisError } from '../connections/errors.ts';
import { sampleFinishedOf, trySampleFinishedOf } from './finished.ts';
import { sampleHolders } from './holders.ts';
import { sampleBacklogs, trySampleBacklogs, trySampleQueues } from './sample.ts';
import type { QueueRef } from '../redis/keys.ts';
import { obliterateRound } from '../ownership/obliterate.ts';
import { OWNER_FIELD, parseOwnerMark, writeMeta } from '../ownership/owner-mark.ts';
import { readQueuePolicy, setPaused } from '../policy/policy.ts';
import { MAX_REPLY_BYTES } from '../redis/reply-meter.ts';
import { sampleUsage, usageKey } from './usage.ts';
import { QueueWakeups } from './wakeups.ts';

// Walls 1 and 3: what a tenant does to its queue costs that queue its numbers, and no neighbour.

const REFS = ['bad', 'good'].map((name) => ({ prefix: 'bull', name }));
let server: RedisServer;
let redis: ReturnType<RedisConnections['get']>;
const connections = new RedisConnections();
beforeAll(async () => {
  server = await startRedis();
  redis = connections.get(server);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  connections.close();
  await server.stop();
});

async function addJob(name: string, jobId?: string): Promise<void> {
  const queue = new Queue(name, { connection: { host: server.host, port: server.port } });
  await queue.add('job', {}, jobId === undefined ? {} : { jobId });
  await queue.close();
}

const reasonOf = (sampled: object): unknown =>
  sampled instanceof Error ? classifyRedisError(sampled).reason : sampled;

describe('a job whose id is the name of a key of BullMQ', () => {
  it.each(['active', 'delayed', 'prioritized', 'completed', 'failed', 'waiting-children', 'repeat'])(
    '%s costs its own queue its sample, and says which kind of fault that is',
    async (jobId) => {
      await addJob('bad', jobId);
      await addJob('good');
      const [bad, good] = await trySampleQueues(redis, REFS);
      expect(reasonOf(bad!)).toBe('QueueUnreadable');
      expect(good).toMatchObject({ waiting: 1, exists: true });
      expect((await trySampleBacklogs(redis, REFS))[1]).toMatchObject({ waiting: 1 });
    },
  );

  it('is thrown to who asks for the one queue', async () => {
    await addJob('bad', 'active');
    await expect(sampleBacklogs(redis, [REFS[0]!])).rejects.toThrow('WRONGTYPE');
  });

  it.each(['completed', 'failed'])('%s costs no neighbour what has finished', async (jobId) => {
    await addJob('bad', jobId);
    const [bad, good] = await trySampleFinishedOf(
      redis,
      REFS.map((queue) => ({ queue })),
    );
    expect(reasonOf(bad!)).toBe('QueueUnreadable');
    expect(good).toMatchObject({ completed: 0, failed: 0 });
    await expect(
      sampleFinishedOf(
        redis,
        REFS.map((queue) => ({ queue })),
      ),
    ).rejects.toThrow('WRONGTYPE');
  });

  it('keeps no neighbour from being woken', async () => {
    await addJob('bad', 'prioritized');
    const wakeups = new QueueWakeups(server);
    const woken: string[] = [];
    const watch = async (ref: QueueRef) => await wakeups.watch(ref, ({ name }) => void woken.push(name));
    await eventually(() => watch({ prefix: 'bull', name: 'other' }), { description: 'tracking to be armed' });
    // Both in one script call, as all that are watched within one turn.
    const [bad, good] = await Promise.all(REFS.map(watch));
    expect(bad).toBeUndefined();
    expect(good).toMatchObject({ waiting: 0 });
    await addJob('good');
    await expect.poll(() => woken).toContain('good');
    wakeups.close();
  });
});

it('a key that the user may not read costs its own queue its sample, wherever in fifty it stands', async () => {
  await redis.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '+@all', '%R~bull:q*', '-@dangerous');
  const reader = connections.get({ host: server.host, port: server.port, username: 'reader', password: 'pw' });
  const refs = Array.from({ length: 50 }, (_, n) => ({ prefix: 'bull', name: n === 33 ? 'secret' : `q${n}` }));
  const samples = await trySampleBacklogs(reader, refs);
  expect(samples.map(reasonOf).filter((sample) => typeof sample === 'string')).toEqual(['RedisNoPermission']);
  expect(reasonOf(samples[33]!)).toBe('RedisNoPermission');
});

it('texts of any length in place of numbers are not sent', async () => {
  await addJob('bad');
  await redis.hset('bull:bad:meta', { max: 'x'.repeat(1_000_000), duration: '1', paused: 'y'.repeat(1_000_000) });
  await redis.hset('bull:bad:1', 'opts', `{"delay":1,"x":"${'z'.repeat(1_000_000)}"}`);
  await redis.set('bull:bad:limiter', 'x'.repeat(1_000_000));
  for (const end of ['completed', 'failed'])
    await redis.hset(`bull:bad:metrics:${end}`, 'count', 'x'.repeat(1_000_000));
  const before = Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  expect((await trySampleQueues(redis, REFS, { totals: true }))[0]).toMatchObject({ waiting: 1, paused: true });
  const after = Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  expect(after - before).toBeLessThan(50_000);
});

it('nor in place of what is set for a queue: it costs no other queue of the connection its reading', async () => {
  const long = 'x'.repeat(5_000_000);
  const fields = ['paused', 'max', 'duration', 'concurrency', OWNER_FIELD, 'version'];
  for (const field of fields) await redis.hset('bull:bad:meta', field, long);
  await redis.hset('bull:good:meta', 'version', 'bullmq:6.7.0');
  const sent = async (): Promise<number> => Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  const before = await sent();
  const [bad, good] = await Promise.all(REFS.map((ref) => readQueuePolicy(redis, ref)));
  expect((await sent()) - before).toBeLessThan(10_000);
  expect(good).toMatchObject({ exists: true, paused: false, clientVersion: 'bullmq:6.7.0', legacyPaused: 0 });
  expect(bad).toMatchObject({ paused: true, brokenRateLimit: true, clientVersion: 'x'.repeat(64) });
  expect(bad).not.toHaveProperty('globalConcurrency');
  expect(parseOwnerMark(bad!.rawOwnerMark)).toBe('unreadable');
});

it('an owner mark of any length guards what is written, and can be taken over', async () => {
  const queue = REFS[0]!;
  const marked = async (mark: string): Promise<string | undefined> => {
    await redis.hset('bull:bad:meta', OWNER_FIELD, mark);
    return (await readQueuePolicy(redis, queue)).rawOwnerMark;
  };
  const late = Date.now() + 3_600_000;
  const before = await marked('x'.repeat(100_000));
  const expected = await marked(`${'x'.repeat(99_999)}y`);
  expect(await writeMeta(redis, queue, { expected: before, mark: 'A' })).toBeUndefined();
  expect(await setPaused(redis, queue, { paused: true, expected: before })).toMatchObject({ outcome: 'ownershipLost' });
  expect(await obliterateRound(redis, queue, { mark: before!, stopAt: 'busy', untilMs: late })).toMatchObject({
    outcome: 'ownershipLost',
  });
  expect(await setPaused(redis, queue, { paused: true, expected })).toMatchObject({ outcome: 'done' });
  expect(await writeMeta(redis, queue, { expected, mark: 'A' })).toEqual(expect.any(String));
  expect(await readQueuePolicy(redis, queue)).toMatchObject({ rawOwnerMark: 'A', paused: true });
});

it('nor in place of what finished, who holds a job and what a pod uses', async () => {
  const now = Date.now();
  const long = 'x'.repeat(1_000_000);
  await redis.zadd('bull:bad:completed', now, long, now, '1', now, '2');
  await redis.hset('bull:bad:1', { timestamp: long, processedOn: long, finishedOn: long, ats: long });
  await redis.rpush('bull:bad:active', '1');
  await redis.hset('bull:bad:1', 'pb', long);
  const place = { queue: REFS[0]!, namespace: 'shop', pool: 'mail' };
  await redis.hset(usageKey(place), { 'pod-0': `1 {"format":1,"x":"${long}"}`, [long]: '1 {}' });
  const sent = async (): Promise<number> => Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  const before = await sent();
  const [bad] = await sampleFinishedOf(redis, [{ queue: REFS[0]! }]);
  expect(bad).toMatchObject({ completed: 3, waitsMs: [], serviceMs: [] });
  expect(bad!.watermark.completed.ids).toEqual(['1', '2']);
  expect(await sampleHolders(redis, [REFS[0]!])).toMatchObject({ unnamed: 1, active: 1 });
  expect(await sampleUsage(redis, [place])).toEqual([[]]);
  expect((await sent()) - before).toBeLessThan(50_000);
});

it('what finished in fifty queues that are filled as full as they can be fits into one reply', async () => {
  const now = Date.now();
  const names = Array.from({ length: 50 }, (_, n) => `full-${n}`);
  const ids = Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(500, 'x'));
  const opts = JSON.stringify({ delay: 1, x: 'x'.repeat(2_000) });
  const filled = redis.pipeline();
  for (const name of names) {
    for (const set of ['completed', 'failed']) filled.zadd(`bull:${name}:${set}`, ...ids.flatMap((id) => [now, id]));
    for (const id of ids) filled.hset(`bull:${name}:${id}`, { timestamp: now, processedOn: now, opts });
  }
  await filled.exec();
  const queries = names.map((name) => ({ queue: { prefix: 'bull', name } }));
  const before = Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  for (const sample of await trySampleFinishedOf(redis, queries)) expect(sample).toMatchObject({ completed: 100 });
  const after = Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  expect(after - before).toBeGreaterThan(2_000_000);
  expect(after - before).toBeLessThan(MAX_REPLY_BYTES * 0.75);
});

it('a key that the user may not read costs no other queue what has finished', async () => {
  await redis.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '+@all', '%R~bull:q*', '-@dangerous');
  const reader = connections.get({ host: server.host, port: server.port, username: 'reader', password: 'pw' });
  const names = Array.from({ length: 50 }, (_, n) => (n === 33 ? 'secret' : `q${n}`));
  const samples = await trySampleFinishedOf(
    reader,
    names.map((name) => ({ queue: { prefix: 'bull', name } })),
  );
  expect(samples.flatMap((sample, n) => (sample instanceof Error ? [n] : []))).toEqual([33]);
  expect(reasonOf(samples[33]!)).toBe('RedisNoPermission');
});

it.each(['abc', 'Infinity', '1e308'])('a finished job that was processed on %s has no wait', async (processedOn) => {
  const now = Date.now();
  await redis.zadd('bull:bad:completed', now, '1');
  await redis.hset('bull:bad:1', { timestamp: '1', processedOn, finishedOn: String(now), ats: '1' });
  const [bad] = await sampleFinishedOf(redis, [{ queue: REFS[0]! }]);
  expect(bad).toMatchObject({ completed: 1, waitsMs: [], serviceMs: [] });
});

const key = (part: string): string => `bull:bad:${part}`;

describe('a number that no queue has', () => {
  const fill: Record<string, (value: string) => Promise<unknown>> = {
    addCounter: (value) => redis.set(key('id'), value),
    headTimestampMs: async (value) => {
      await redis.lpush(key('wait'), '1');
      await redis.hset(key('1'), { timestamp: value, opts: '{}' });
    },
    completedTotal: (value) => redis.hset(key('metrics:completed'), 'count', value),
    failedTotal: (value) => redis.hset(key('metrics:failed'), 'count', value),
  };

  it.each(
    Object.keys(fill).flatMap((field) =>
      ['inf', '-inf', 'nan', '1e308', '9e18', '-1'].map((value) => ({ field, value })),
    ),
  )('is no data: $field $value', async ({ field, value }) => {
    await fill[field]!(value);
    const [bad] = await trySampleQueues(redis, REFS, { totals: true });
    expect(bad).toHaveProperty('redisTimeMs');
    expect(bad).not.toHaveProperty(field);
  });

  it('a delay that is none of this world is no time at which the job was ready', async () => {
    await redis.lpush(key('wait'), '1');
    await redis.hset(key('1'), { timestamp: Date.now(), opts: '{"delay":1e308}' });
    expect((await trySampleBacklogs(redis, REFS))[0]).not.toHaveProperty('headTimestampMs');
  });

  it.each(['inf', '1e308'])('a job that is never due is not overdue: %s', async (score) => {
    await redis.zadd(key('delayed'), score, '1');
    const [bad] = await trySampleBacklogs(redis, REFS);
    expect(bad).toMatchObject({ delayed: 1, overdue: 0, dueSoon: 0 });
    expect(bad).not.toHaveProperty('nextDelayedDueMs');
  });

  it.each(['-inf', '-1e308', '-1'])('one that was due before all dates is overdue: %s', async (score) => {
    await redis.zadd(key('delayed'), score, '1');
    expect((await trySampleBacklogs(redis, REFS))[0]).toMatchObject({ overdue: 1, nextDelayedDueMs: 0 });
  });

  it.each(['1e-300', '0.001', '-5', 'nan'])('no job scheduler adds jobs every %s ms', async (every) => {
    await redis.zadd(key('repeat'), Date.now(), 's');
    await redis.hset(key('repeat:s'), 'every', every);
    expect((await trySampleBacklogs(redis, REFS))[0]).toMatchObject({ schedulers: 1, scheduledSoon: 0 });
  });

  it.each(['inf', '9e15'])('a job that finished at %s hides none that did since', async (score) => {
    const ended = async (id: string, atMs: number | string): Promise<void> => {
      await redis.zadd(key('completed'), atMs, id);
      await redis.hset(key(id), { timestamp: '1', processedOn: '2', finishedOn: '3', ats: '1' });
    };
    await ended('evil', score);
    const [before] = await sampleFinishedOf(redis, [{ queue: REFS[0]! }]);
    await ended('honest', Date.now());
    const [after] = await sampleFinishedOf(redis, [{ queue: REFS[0]!, watermark: before!.watermark }]);
    expect([before!.completed, after!.completed]).toEqual([0, 1]);
  });
});
