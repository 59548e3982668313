import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { RESTORE_FIELD } from '../ownership/restore-mark.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { compileFilter, type CompiledFilter, type LetterFilter } from './filter.ts';
import type { LetterCursor } from './dead-letter-page.ts';
import { deadLetterQueue } from './dead-letter-queue.ts';
import {
  planRedrive,
  readRedriven,
  readRedriveState,
  redriveStep,
  type RedriveOptions,
  type RedriveStep,
} from './dead-letter-redrive.ts';
import { callOn, letterIds, OPEN_FENCE, putFailed, settle } from './dead-letters.fixture.ts';

// Walls 1 and 4: a filter has a bound, and whether a letter may be put back is looked at in the step that does.

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const queueOf = (name: string): QueueRef => ({ prefix: 'bull', name });
const filterOf = (filter: LetterFilter): CompiledFilter => compileFilter(filter) as CompiledFilter;
const ALL = filterOf({});

async function tryStep(queue: QueueRef, options: Partial<RedriveOptions> = {}, cursor?: LetterCursor) {
  return await redriveStep(callOn(t.redis), queue, { name: 'r', filter: ALL, fence: OPEN_FENCE, ...options }, cursor);
}
async function step(...args: Parameters<typeof tryStep>): Promise<RedriveStep> {
  const done = await tryStep(...args);
  if (typeof done === 'string') throw new Error(done);
  return done;
}
/** Steps to the end, with or without remembering where the one before ended. */
async function redrive(queue: QueueRef, options: Partial<RedriveOptions> = {}, remembers = true): Promise<RedriveStep> {
  for (let cursor: LetterCursor | undefined, steps = 0; ; steps++) {
    const last = await step(queue, options, cursor);
    if (last.done) return last;
    if (steps === 200) throw new Error('the redrive does not end');
    cursor = remembers ? last.cursor : undefined;
  }
}
/** Dead letters `j0` … with a failure per millisecond. */
async function putLetters(
  queue: QueueRef,
  count: number,
  fields: (n: number) => Record<string, string | number> = () => ({}),
) {
  for (let n = 0; n < count; n++) await putFailed(t.redis, queue, `j${n}`, 1_000 + n, fields(n));
  expect((await settle(t.redis, queue)).moved).toBe(count);
}

test('a job that is put back is as good as new: attempts, retries, stalls, priority, logs', async () => {
  const queue = queueOf('anew');
  const producer = t.producer(queue);
  const { timestamp } = await producer.add('mail', { to: 'x' }, { attempts: 1, priority: 5 });
  const seen: number[][] = [];
  const worker = t.worker(queue, async (job) => {
    seen.push([job.attemptsMade, job.attemptsStarted, job.priority]);
    await job.log('ran');
    throw new Error('no');
  });
  const isDead = async (): Promise<boolean> => {
    await settle(t.redis, queue, { maxRetries: 2 });
    return (await letterIds(t.redis, queue)).length === 1;
  };
  await eventually(isDead, { intervalMs: 5 });
  await worker.close();
  await t.redis.hset(`bull:anew-dlq:${(await letterIds(t.redis, queue))[0]}`, 'stc', 3);

  expect(await step(queue)).toMatchObject({ redriven: 1, done: true, skipped: { exists: 0, again: 0 } });
  expect(await letterIds(t.redis, queue)).toEqual([]);
  const [job] = await producer.getJobs(['prioritized']);
  expect(job).toMatchObject({
    id: '1',
    name: 'mail',
    data: { to: 'x' },
    priority: 5,
    attemptsMade: 0,
    stalledCounter: 0,
  });
  expect(job!.failedReason).toBeUndefined();
  // It waits from now on: a wait since it was first added would size a pool.
  expect(job!.timestamp).toBeGreaterThan(timestamp);
  t.worker(queue, async (again) => {
    seen.push([again.attemptsMade, again.attemptsStarted, again.priority]);
    await Promise.reject(new Error('no'));
  });
  await eventually(isDead, { intervalMs: 5 });
  const life = [0, 1, 2].map((made) => [made, made + 1, 5]);
  expect(seen).toEqual([...life, ...life]);
  const [letter] = await t.producer(deadLetterQueue(queue)).getFailed();
  expect((await t.producer(deadLetterQueue(queue)).getJobLogs(letter!.id!)).count).toBe(3);
  // The same redrive does not put it back once more; another does.
  expect(await step(queue)).toMatchObject({ redriven: 1, skipped: { again: 1 }, done: true });
  expect(await planRedrive(callOn(t.redis), queue, ALL, { name: 'r' })).toMatchObject({ read: 1, matching: 0 });
  expect(await planRedrive(callOn(t.redis), queue, ALL)).toMatchObject({ matching: 1 });
  expect(await step(queue, { name: 'another' })).toMatchObject({ redriven: 1, skipped: { again: 0 } });
});

describe('which letters', () => {
  const queue = queueOf('filter');
  beforeAll(() =>
    putLetters(queue, 250, (n) => ({
      name: n % 2 ? 'sms' : 'mail',
      failedReason: n % 5 ? 'refused' : 'connect ETIMEDOUT',
      data: JSON.stringify({ tenant: { id: n % 10 }, pad: n === 240 ? 'x'.repeat(70_000) : '' }),
    })),
  );

  it.each([
    [{}, 250],
    [{ names: ['mail'] }, 125],
    [{ failedReason: 'TIMEDOUT' }, 50],
    [{ fromMs: 1_100, toMs: 1_149 }, 50],
    [{ fromMs: 1_249 }, 1],
    [{ fromMs: 9_000 }, 0],
    // One has data that is too long to be looked at.
    [{ data: { path: '$.tenant.id', equals: '0' } }, 24],
    [{ names: ['mail'], failedReason: 'TIMEDOUT', toMs: 1_099, data: { path: "$['tenant'].id", equals: '0' } }, 10],
  ] satisfies [LetterFilter, number][])('%o: %i', async (filter, count) => {
    const { port, host } = t.target;
    await t.redis.call('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
    // A dry run needs no right to write.
    const reader = new Redis({ port, host, username: 'reader', password: 'pw' });
    const plan = await planRedrive(callOn(reader), queue, filterOf(filter));
    expect(plan).toMatchObject({ matching: count, done: true });
    expect(plan.samples).toHaveLength(Math.min(count, 10));
    reader.disconnect();
  });

  it('those that match are put back, the others stay; a dry run goes on where it ended', async () => {
    const filter = filterOf({ names: ['mail'], data: { path: '$.tenant.id', equals: '4' } });
    const half = await planRedrive(callOn(t.redis), queue, filter, { pages: 1 });
    expect(half).toMatchObject({ read: 100, matching: 10, done: false });
    // The letter with which it ended is gone.
    await t.redis.zrem('bull:filter-dlq:failed', 'filter.j99.1099');
    expect(half.samples[0]).toEqual({
      id: 'filter.j4.1004',
      origin: 'j4',
      name: 'mail',
      failedReason: 'refused',
      finishedOn: 1_004,
    });
    expect(await planRedrive(callOn(t.redis), queue, filter, { before: half })).toMatchObject({
      read: 250,
      matching: 25,
    });
    expect(await redrive(queue, { filter })).toMatchObject({ redriven: 25 });
    expect(await t.redis.llen('bull:filter:wait')).toBe(25);
    expect(await letterIds(t.redis, queue)).toHaveLength(224);
  });
});

test('a redrive that forgets where it was, and two at once, put every job back once and count it once', async () => {
  const queue = queueOf('crash');
  await putLetters(queue, 450);
  const filter = filterOf({ fromMs: 1_050 });
  await Promise.all([redrive(queue, { filter }, false), redrive(queue, { filter }, false), redrive(queue, { filter })]);
  expect(await readRedriven(t.redis, queue, 'r')).toBe(400);
  const ids = await t.redis.lrange('bull:crash:wait', 0, -1);
  expect([ids.length, new Set(ids).size]).toEqual([400, 400]);
  expect(await letterIds(t.redis, queue)).toHaveLength(50);
  expect(await t.redis.pttl(queueKey(deadLetterQueue(queue), 'redrive:r'))).toBeGreaterThan(0);
});

test('never more per second of Redis than asked for, whoever asks', async () => {
  const queue = queueOf('rate');
  await putLetters(queue, 40);
  const secondOfRedis = async (): Promise<number> => Number((await t.redis.time())[0]);
  const firstSecond = await secondOfRedis();
  const steps = await Promise.all(Array.from({ length: 6 }, () => step(queue, { perSecond: 7 })));
  const limited = steps.filter(({ waitMs }) => waitMs > 0);
  expect(limited.length).toBeGreaterThan(0);
  for (const { waitMs, done } of limited) {
    expect(waitMs).toBeLessThanOrEqual(1_000);
    expect(done).toBe(false);
  }
  const seconds = (await secondOfRedis()) - firstSecond + 1;
  expect(await readRedriven(t.redis, queue, 'r')).toBeLessThanOrEqual(7 * seconds);
  let cursor: LetterCursor | undefined;
  await eventually(async () => {
    const next = await step(queue, { perSecond: 20 }, cursor);
    ({ cursor } = next);
    return next.done && next.redriven === 40;
  });
});

test('never more in all than asked for, whoever asks, and the oldest first', async () => {
  const queue = queueOf('most');
  await putLetters(queue, 40);
  await Promise.all([redrive(queue, { most: 7 }), redrive(queue, { most: 7 }), redrive(queue, { most: 7 })]);
  expect(await readRedriven(t.redis, queue, 'r')).toBe(7);
  expect((await t.redis.lrange('bull:most:wait', 0, -1)).toReversed()).toEqual(
    Array.from({ length: 7 }, (_, n) => `j${n}`),
  );
  expect(await step(queue, { most: 9 })).toMatchObject({ redriven: 9, putBack: 2, done: true });
});

test('what is there before a step: marks, jobs put back, and the time of Redis', async () => {
  const queue = queueOf('state');
  await putLetters(queue, 2);
  await step(queue, { most: 1 });
  await t.redis.hset('bull:state:meta', OWNER_FIELD, 'mine');
  const state = await readRedriveState(t.redis, queue, 'r');
  expect(state).toMatchObject({ queueMark: 'mine', redriven: 1 });
  expect(state.deadLetterMark).toBeUndefined();
  const [seconds] = await t.redis.time();
  expect(Math.abs(state.redisTimeMs / 1_000 - Number(seconds))).toBeLessThan(5);
  // Whoever may write there may write anything.
  await t.redis.hset('bull:state-dlq:redrive:r', 'redriven', '1e300');
  expect(await readRedriven(t.redis, queue, 'r')).toBe(0);
});

test('a letter whose id is in use stays, and so does a job that is no letter', async () => {
  const queue = queueOf('exists');
  await putLetters(queue, 2);
  const producer = t.producer(queue);
  await producer.add('new', {}, { jobId: 'j0' });
  await putFailed(t.redis, deadLetterQueue(queue), 'mine', 500);
  expect(await redrive(queue)).toMatchObject({ redriven: 1, skipped: { exists: 1 } });
  expect(await letterIds(t.redis, queue)).toEqual(['mine', 'exists.j0.1000']);
  expect((await producer.getJob('j0'))!.name).toBe('new');
});

test('a redrive writes nothing once an owner mark is another one', async () => {
  const queue = queueOf('fenced');
  await putLetters(queue, 1);
  expect(await tryStep(queue, { fence: { ...OPEN_FENCE, queueMark: 'A' } })).toBe('ownershipLost');
  expect(await tryStep(queue, { fence: { ...OPEN_FENCE, untilMs: 1 } })).toBe('late');
  expect(await letterIds(t.redis, queue)).toHaveLength(1);
});

test('nothing is put back into, or out of, a queue that a restore fills, until that has compared it', async () => {
  const queue = queueOf('restored');
  await putLetters(queue, 2);
  const metas = [queueKey(queue, 'meta'), queueKey(deadLetterQueue(queue), 'meta')];
  for (const meta of metas) {
    for (const phase of ['filling', 'placing', 'placed']) {
      await t.redis.hset(meta, RESTORE_FIELD, `r-7 1 ${phase}`);
      expect(await tryStep(queue)).toBe('ownershipLost');
      expect((await readRedriveState(t.redis, queue, 'r')).restoringId).toBe('r-7');
    }
    await t.redis.hset(meta, RESTORE_FIELD, 'r-7 1 held');
    expect((await readRedriveState(t.redis, queue, 'r')).restoringId).toBeUndefined();
  }
  expect(await step(queue)).toMatchObject({ redriven: 2, done: true });
});

test('a worker that waits is woken at once', async () => {
  const queue = queueOf('woken');
  await putLetters(queue, 1);
  const { promise, resolve } = Promise.withResolvers<string>();
  const worker = t.worker(queue, (job) => Promise.resolve(resolve(job.id!)));
  await worker.waitUntilReady();
  await step(queue);
  expect(await promise).toBe('j0');
  await worker.close();
  await t.redis.del('bull:woken:marker');
  await putLetters(queue, 1);
  await step(queue, { name: 'another' });
  expect(await t.redis.zscore('bull:woken:marker', '0')).toBe('0');
});
