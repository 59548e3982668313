import { eventually } from '@redis-queue/rig';
import { FlowProducer } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { classifyRedisError } from '../connections/errors.ts';
import { RedisConnections } from '../connections/connections.ts';
import {
  hasWorkers,
  JOBS_PER_ROUND,
  obliterateRound,
  type ObliterateOutcome,
  type ObliterateRound,
} from '../ownership/obliterate.ts';
import { OWNER_FIELD, tryToClaim, writeMeta } from '../ownership/owner-mark.ts';
import { NO_DIGEST } from '../ownership/policy-digest.ts';
import { leaveClaim } from '../ownership/queue-claims.ts';
import { rateLimitFields, readQueuePolicy, setPaused } from './policy.ts';
import { sampleQueues } from '../sampling/sample.ts';
import { readServerInfo } from '../connections/server.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

type StopAt = Parameters<typeof obliterateRound>[2]['stopAt'];
const untilMs = Date.now() + 3_600_000;

/** Marks the queue, and repeats the round until it says something other than "more". */
async function obliterate(name: string, stopAt: StopAt = 'busy'): Promise<ObliterateRound[]> {
  const rounds: ObliterateRound[] = [];
  await t.redis.hset(`bull:${name}:meta`, OWNER_FIELD, 'A');
  do rounds.push(await obliterateRound(t.redis, { prefix: 'bull', name }, { mark: 'A', stopAt, untilMs }));
  while (rounds.at(-1)?.outcome === 'more');
  return rounds;
}
const outcomes = (rounds: ObliterateRound[]): ObliterateOutcome[] => rounds.map(({ outcome }) => outcome);

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
    expect(await readQueuePolicy(t.redis, ref)).toMatchObject({ exists: false, paused: false, legacyPaused: 0 });
    expect(await t.redis.dbsize()).toBe(0);
  });

  test('the mark is taken only from whom it was read of, and what goes with it is written at once', async () => {
    expect(
      await writeMeta(t.redis, ref, {
        expected: undefined,
        mark: 'A',
        set: rateLimitFields({ max: 5, durationMs: 500 }),
      }),
    ).toEqual(expect.any(String));
    expect(await writeMeta(t.redis, ref, { expected: undefined, mark: 'B', set: { concurrency: 1 } })).toBeUndefined();
    expect(await readQueuePolicy(t.redis, ref)).toMatchObject({
      rawOwnerMark: 'A',
      rateLimit: { max: 5, durationMs: 500 },
    });
    expect(
      await writeMeta(t.redis, ref, { expected: 'A', mark: 'B', set: { concurrency: 3 }, clear: ['max', 'duration'] }),
    ).toEqual(expect.any(String));
    expect(await t.redis.hgetall('bull:meta:meta')).toEqual({ [OWNER_FIELD]: 'B', concurrency: '3' });
    expect(await writeMeta(t.redis, ref, { expected: 'B', mark: null, clear: ['concurrency'] })).toEqual(
      expect.any(String),
    );
    expect(await t.redis.exists('bull:meta:meta')).toBe(0);
  });

  test('a write that sets a mark may be sent again, when its reply was lost', async () => {
    const again = { prefix: 'bull', name: 'again' };
    const write = { expected: undefined, mark: 'A', set: { concurrency: 1 }, clear: ['max'] };
    await writeMeta(t.redis, again, write);
    const meta = await t.redis.hgetall('bull:again:meta');
    expect(await writeMeta(t.redis, again, write)).toBe(NO_DIGEST);
    expect(await t.redis.hgetall('bull:again:meta')).toEqual(meta);
    expect(await writeMeta(t.redis, again, { ...write, mark: undefined })).toBeUndefined();
  });

  test('a write that arrives late takes nothing back, though it sets the mark that is there', async () => {
    const late = { prefix: 'bull', name: 'late-write' };
    const claim = { expected: undefined, mark: 'A' };
    await writeMeta(t.redis, late, { ...claim, set: { concurrency: 1, max: 5 } });
    const meta = await t.redis.hgetall('bull:late-write:meta');
    expect(await writeMeta(t.redis, late, { ...claim, set: { concurrency: 100 } })).toBeUndefined();
    expect(await writeMeta(t.redis, late, { ...claim, clear: ['max'] })).toBeUndefined();
    expect(await t.redis.hgetall('bull:late-write:meta')).toEqual(meta);
  });

  test("pause and resume write nothing else into meta, and a resume moves a v5 client's paused jobs back", async () => {
    const legacy = { prefix: 'bull', name: 'legacy' };
    await t.redis.lpush('bull:legacy:paused', '1', '2');
    expect(await setPaused(t.redis, legacy, { paused: true, expected: undefined })).toMatchObject({ outcome: 'done' });
    expect(await t.redis.hgetall('bull:legacy:meta')).toEqual({ paused: '1' });
    expect(await readQueuePolicy(t.redis, legacy)).toMatchObject({ paused: true, legacyPaused: 2 });
    expect(await setPaused(t.redis, legacy, { paused: false, expected: undefined })).toMatchObject({ outcome: 'done' });
    expect(await readQueuePolicy(t.redis, legacy)).toMatchObject({ paused: false, legacyPaused: 0 });
    expect(await t.redis.lrange('bull:legacy:wait', 0, -1)).toEqual(['2', '1']);
  });

  test('a resume of many such jobs takes several calls, and keeps their order behind those that came since', async () => {
    const legacy = { prefix: 'bull', name: 'many' };
    await t.redis.rpush('bull:many:paused', ...Array.from({ length: 6_000 }, (_, i) => String(i)));
    await t.redis.lpush('bull:many:wait', 'new');
    expect(await setPaused(t.redis, legacy, { paused: false, expected: undefined })).toMatchObject({
      outcome: 'again',
    });
    expect(await setPaused(t.redis, legacy, { paused: false, expected: undefined })).toMatchObject({ outcome: 'done' });
    const waiting = await t.redis.lrange('bull:many:wait', 0, -1);
    expect(waiting).toEqual(['new', ...Array.from({ length: 6_000 }, (_, i) => String(i))]);
  });

  test('pause and resume do nothing under another mark', async () => {
    const held = { prefix: 'bull', name: 'held' };
    await writeMeta(t.redis, held, { expected: undefined, mark: 'B' });
    expect(await setPaused(t.redis, held, { paused: true, expected: 'A' })).toMatchObject({ outcome: 'ownershipLost' });
    expect(await setPaused(t.redis, held, { paused: true, expected: undefined })).toMatchObject({
      outcome: 'ownershipLost',
    });
    expect(await readQueuePolicy(t.redis, held)).toMatchObject({ paused: false });
    await t.redis.hset('bull:held:meta', 'paused', '1');
    expect(await setPaused(t.redis, held, { paused: false, expected: 'A' })).toMatchObject({
      outcome: 'ownershipLost',
    });
    expect(await readQueuePolicy(t.redis, held)).toMatchObject({ paused: true });
  });

  test('workers stop at a pause and go on at a resume, with what waits and what is due', async () => {
    const stopped = { prefix: 'bull', name: 'stopped' };
    const queue = t.producer(stopped);
    const ran: string[] = [];
    const worker = t.worker(stopped, (job) => Promise.resolve(void ran.push(job.name)));
    await worker.waitUntilReady();
    await setPaused(t.redis, stopped, { paused: true, expected: undefined });
    await queue.add('waiting', {});
    expect(await queue.isPaused()).toBe(true);
    await setPaused(t.redis, stopped, { paused: false, expected: undefined });
    await expect.poll(() => ran, { timeout: 5_000 }).toEqual(['waiting']);
    await setPaused(t.redis, stopped, { paused: true, expected: undefined });
    await queue.add('delayed', {}, { delay: 1 });
    await setPaused(t.redis, stopped, { paused: false, expected: undefined });
    await expect.poll(() => ran, { timeout: 5_000 }).toEqual(['waiting', 'delayed']);
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
  test('leaves nothing, in rounds of at most 500 jobs', async () => {
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
    await t.redis.set('bull:gone:de:once', '1');
    await t.redis.hset('bull:gone:1', 'deid', 'once');
    const rounds = await obliterate('gone');
    expect(outcomes(rounds)).toEqual([...Array.from({ length: 5 }, () => 'more'), 'done']);
    expect(rounds.map(({ removed }) => removed)).toEqual([...Array.from({ length: 5 }, () => JOBS_PER_ROUND), 1]);
    expect(rounds.map(({ left }) => left)).toEqual([2_001, 1_501, 1_001, 501, 1, 0]);
    expect(await t.redis.keys('bull:gone:*')).toEqual([]);
  });

  test('refuses while jobs are active, unless forced', async () => {
    await t.producer({ prefix: 'bull', name: 'busy' }).add('j', {});
    await t.redis.rpoplpush('bull:busy:wait', 'bull:busy:active');
    await t.redis.set('bull:busy:1:lock', 'token');
    expect(await obliterate('busy')).toEqual([{ outcome: 'activeJobs', removed: 0, left: 1 }]);
    expect(await t.redis.llen('bull:busy:active')).toBe(1);
    expect(outcomes(await obliterate('busy', 'nothing'))).toEqual(['done']);
    expect(await t.redis.keys('bull:busy:*')).toEqual([]);
  });

  test('flow parents that wait for other queues are a reason to refuse, unless forced', async () => {
    await t.redis.zadd('bull:flow:waiting-children', 1, 'p1');
    await t.redis.hset('bull:flow:p1', 'name', 'parent');
    expect(await obliterate('flow')).toEqual([{ outcome: 'waitingChildren', removed: 0, left: 1 }]);
    expect(outcomes(await obliterate('flow', 'nothing'))).toEqual(['done']);
    expect(await t.redis.keys('bull:flow:*')).toEqual([]);
  });

  test('a flow parent in another queue does not wait for a removed child, and is served', async () => {
    const flow = new FlowProducer({ connection: t.target });
    const child = { name: 'c', queueName: 'children' };
    await flow.add({ name: 'p', queueName: 'parents', children: [child, child], opts: { jobId: 'p' } });
    await flow.close();
    expect(outcomes(await obliterate('children'))).toEqual(['done']);
    expect(await t.redis.keys('bull:children:*')).toEqual([]);
    const parents = t.producer({ prefix: 'bull', name: 'parents' });
    expect(await parents.getJobCounts('waiting', 'waiting-children')).toEqual({ waiting: 1, 'waiting-children': 0 });
    const served = Promise.withResolvers<string | undefined>();
    t.worker({ prefix: 'bull', name: 'parents' }, (job) => Promise.resolve(served.resolve(job.id)));
    expect(await served.promise).toBe('p');
  });

  test('an absent queue is done at once', async () => {
    expect(outcomes(await obliterate('absent'))).toEqual(['done']);
    expect(await t.redis.keys('bull:absent:*')).toEqual([]);
  });

  test('removes nothing under another mark, or once the mark is gone', async () => {
    const ref = { prefix: 'bull', name: 'theirs' };
    const lost = { outcome: 'ownershipLost', removed: 0, left: 0 };
    await t.producer(ref).add('j', {});
    expect(await obliterateRound(t.redis, ref, { mark: 'A', stopAt: 'nothing', untilMs })).toEqual(lost);
    await t.redis.hset('bull:theirs:meta', OWNER_FIELD, 'B');
    expect(await obliterateRound(t.redis, ref, { mark: 'A', stopAt: 'nothing', untilMs })).toEqual(lost);
    expect(await t.redis.llen('bull:theirs:wait')).toBe(1);
  });

  test('removes nothing when it comes later than it may', async () => {
    const ref = { prefix: 'bull', name: 'late' };
    await t.producer(ref).add('j', {});
    await t.redis.hset('bull:late:meta', OWNER_FIELD, 'A');
    const [seconds] = await t.redis.time();
    const options = { mark: 'A', stopAt: 'nothing' as const, untilMs: (Number(seconds) - 1) * 1_000 };
    expect(await obliterateRound(t.redis, ref, options)).toEqual({ outcome: 'late', removed: 0, left: 0 });
    expect(await t.redis.llen('bull:late:wait')).toBe(1);
  });

  test.each([
    ['wait', 'rpush'],
    ['active', 'rpush'],
    ['paused', 'rpush'],
    ['prioritized', 'zadd'],
    ['delayed', 'zadd'],
    ['failed', 'zadd'],
    ['waiting-children', 'zadd'],
  ] as const)('of an empty queue alone: one job in %s stops it', async (state, command) => {
    const name = `empty-${state}`;
    await t.redis.zadd(`bull:${name}:completed`, 1, 'old');
    if (command === 'zadd') await t.redis.zadd(`bull:${name}:${state}`, 1, 'j');
    else await t.redis.rpush(`bull:${name}:${state}`, 'j');
    expect(await obliterate(name, 'unfinished')).toEqual([{ outcome: 'unfinishedJobs', removed: 0, left: 1 }]);
    expect(await t.redis.zcard(`bull:${name}:completed`)).toBe(1);
    await t.redis.del(`bull:${name}:${state}`);
    expect(outcomes(await obliterate(name, 'unfinished'))).toEqual(['done']);
    expect(await t.redis.keys(`bull:${name}:*`)).toEqual([]);
  });

  test('a job whose id is the name of a key of the queue costs neither the mark nor the removal', async () => {
    await t.redis.rpush('bull:odd:wait', 'meta', 'wait', 'events', 'plain');
    await t.redis.hset('bull:odd:plain', 'name', 'j');
    expect(outcomes(await obliterate('odd'))).toEqual(['done']);
    expect(await t.redis.keys('bull:odd:*')).toEqual([]);
  });

  test('keys of another type where jobs, parents and deduplications are to be cost the removal nothing', async () => {
    const queue = t.producer({ prefix: 'bull', name: 'mixed' });
    for (const jobId of ['a', 'b', 'c', 'd', 'e']) await queue.add('j', {}, { jobId });
    await t.redis.del('bull:mixed:b');
    await t.redis.set('bull:mixed:b', 'x');
    await t.redis.hset('bull:mixed:c', { parentKey: 'bull:other:p', deid: 'once' });
    await t.redis.set('bull:other:p', 'x');
    await t.redis.set('bull:other:p:dependencies', 'x');
    await t.redis.hset('bull:mixed:de:once', 'x', 'y');
    await t.redis.hset('bull:mixed:d', 'parentKey', 'none');
    await t.redis.set('none', 'x');
    expect(await obliterate('mixed')).toEqual([{ outcome: 'done', removed: 5, left: 0 }]);
    // It does not name the job, so it is not the job's.
    expect(await t.redis.keys('bull:mixed:*')).toEqual(['bull:mixed:de:once']);
    expect(await t.redis.exists('bull:other:p', 'bull:other:p:dependencies', 'none')).toBe(3);
    await t.redis.del('bull:mixed:de:once', 'bull:other:p', 'bull:other:p:dependencies', 'none');
  });

  test('a job that may not be removed stops the removal; no job before it stays in line without its data', async () => {
    const ref = { prefix: 'bull', name: 'part' };
    const queue = t.producer(ref);
    for (const jobId of ['z', 'b', 'a']) await queue.add('j', {}, { jobId });
    await queue.add('j', {}, { jobId: 'y' });
    expect(await t.redis.lrange('bull:part:wait', 0, -1)).toEqual(['y', 'a', 'b', 'z']);
    await t.redis.hset('bull:part:meta', OWNER_FIELD, 'A');
    await t.redis.call('ACL', 'SETUSER', 'part', 'reset', 'on', '>pw', '+@all', '-@dangerous', '~bull:part:[^z]*');
    const connections = new RedisConnections();
    const redis = connections.get({ ...t.target, username: 'part', password: 'pw' });
    const round = async () => await obliterateRound(redis, ref, { mark: 'A', stopAt: 'busy', untilMs });
    for (let n = 0; n < 2; n++) {
      expect(await reason(round())).toBe('RedisNoPermission');
      expect(await t.redis.lrange('bull:part:wait', 0, -1)).toEqual(['z']);
      expect(await t.redis.exists('bull:part:z', 'bull:part:y', 'bull:part:a', 'bull:part:b')).toBe(1);
    }
    connections.close();
    expect(outcomes(await obliterate('part'))).toEqual(['done']);
  });

  test('a list or set of another type stops the removal before it begins', async () => {
    await t.producer({ prefix: 'bull', name: 'typed' }).add('j', {}, { jobId: 'a' });
    for (const key of ['bull:typed:failed', 'bull:typed:repeat']) {
      await t.redis.set(key, 'x');
      expect(await reason(obliterate('typed', 'nothing'))).toBe('QueueUnreadable');
      expect(await t.redis.exists('bull:typed:a')).toBe(1);
      await t.redis.del(key);
    }
    expect(outcomes(await obliterate('typed'))).toEqual(['done']);
  });

  test('a parent whose queue holds another type is no obstacle, and loses nothing', async () => {
    const flow = new FlowProducer({ connection: t.target });
    await flow.add({
      name: 'p',
      queueName: 'wrong',
      opts: { jobId: 'p' },
      children: [{ name: 'c', queueName: 'right' }],
    });
    await flow.close();
    await t.redis.set('bull:wrong:wait', 'x');
    expect(outcomes(await obliterate('right'))).toEqual(['done']);
    expect(await t.redis.keys('bull:right:*')).toEqual([]);
    expect(await t.redis.zcard('bull:wrong:waiting-children')).toBe(1);
    expect(await t.redis.scard('bull:wrong:p:dependencies')).toBe(1);
    await t.redis.del('bull:wrong:wait');
    await obliterate('wrong', 'nothing');
  });

  test('a round of large jobs is shorter', async () => {
    const jobs = Array.from({ length: 40 }, () => ({ name: 'j', data: { text: 'x'.repeat(1_000_000) } }));
    await t.producer({ prefix: 'bull', name: 'heavy' }).addBulk(jobs);
    expect((await obliterate('heavy')).map(({ removed }) => removed)).toEqual([16, 16, 8]);
    expect(await t.redis.keys('bull:heavy:*')).toEqual([]);
  });

  test('a round takes Redis less than 10 ms, and does not free a large value while others wait', async () => {
    const queue = t.producer({ prefix: 'bull', name: 'large' });
    const jobs = Array.from({ length: 4_000 }, () => ({ name: 'j', data: { text: 'x'.repeat(5_000) } }));
    await queue.addBulk(jobs);
    await t.redis.rpush('bull:large:1:logs', ...Array.from({ length: 20_000 }, (_, i) => `line ${i}`));
    await t.redis.config('SET', 'slowlog-log-slower-than', '200'); // µs: without the commands in the script
    await t.redis.slowlog('RESET');
    expect(outcomes(await obliterate('large')).at(-1)).toBe('done');
    const commands = (await t.redis.slowlog('GET', 100)) as [number, number, number, string[]][];
    const tookMs = commands.filter(([, , , [name]]) => name === 'evalsha').map(([, , micros]) => micros / 1_000);
    // The median: a round during which this machine did something else says nothing.
    const median = tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length / 2)]!;
    process.stdout.write(
      `a round of ${JOBS_PER_ROUND} jobs of 5 kB: ${median} ms of Redis, at most ${Math.max(...tookMs)} ms\n`,
    );
    expect(median).toBeLessThan(50); // 1 to 4 on a machine at rest; a script is timed by the clock
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
  ).toEqual(expect.any(String));
  await setPaused(redis, ref, { paused: true, expected: 'A' });
  await setPaused(redis, ref, { paused: false, expected: 'A' });
  expect(await readQueuePolicy(redis, ref)).toMatchObject({ paused: false, rawOwnerMark: 'A' });
  expect(await sampleQueues(redis, [ref])).toMatchObject([{ waiting: 1, prioritized: 1, delayed: 1 }]);
  expect(await readServerInfo(redis)).toMatchObject({ maxmemoryPolicy: 'noeviction' });
  await tryToClaim(redis, ref);
  expect(await hasWorkers(redis, ref)).toBe(false);
  expect(await leaveClaim(redis, ref, { expected: 'A', owner: 'c1/crm/mail' })).toBe('left');
  expect(await readQueuePolicy(redis, ref)).toMatchObject({ claims: [{ owner: 'c1/crm/mail' }] });
  expect(await obliterateRound(redis, ref, { mark: 'A', stopAt: 'busy', untilMs })).toMatchObject({ outcome: 'done' });
  await expect(redis.set('other', '1')).rejects.toThrow(/NOPERM/);
  await expect(redis.flushall()).rejects.toThrow(/NOPERM/);
  await expect(redis.keys('*')).rejects.toThrow(/NOPERM/);
  connections.close();
});

test('trying to claim writes nothing, and fails for whom only reads, or reads other queues', async () => {
  const ref = { prefix: 'bull', name: 'claimed' };
  await tryToClaim(t.redis, ref);
  expect(await t.redis.exists('bull:claimed:meta')).toBe(0);
  await t.redis.call('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
  await t.redis.call('ACL', 'SETUSER', 'other', 'reset', 'on', '>pw', '~other:*', '+@all');
  const connections = new RedisConnections();
  for (const username of ['reader', 'other']) {
    const redis = connections.get({ ...t.target, username, password: 'pw' });
    expect(await reason(tryToClaim(redis, ref))).toBe('RedisNoPermission');
  }
  expect(await reason(tryToClaim(connections.get({ ...t.target, username: 'reader', password: 'no' }), ref))).toBe(
    'RedisAuthFailed',
  );
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
