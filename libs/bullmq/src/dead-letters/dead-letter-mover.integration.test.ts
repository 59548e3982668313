import { eventually } from '@redis-queue/rig';
import { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { deadLetterQueue } from './dead-letter-queue.ts';
import { settleFailedJobs } from './dead-letter-mover.ts';
import { letterIds, OPEN_FENCE, putFailed, settle } from './dead-letters.fixture.ts';

// Walls 1, 3 and 4: what a tenant writes bounds no script, a job that is none costs nobody else theirs, and what decides
// is looked at again in the step that acts.

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const queueOf = (name: string): QueueRef => ({ prefix: 'bull', name });
const traces = (count: number, length: number): string => JSON.stringify(Array(count).fill('at "x"\n'.repeat(length)));
const pythonTrace = (last: string): string =>
  JSON.stringify([`Traceback (most recent call last):\n  File "worker.py", line 1, in f\n    raise "x"\n${last}\n`]);
const die = (): never => {
  throw new Error('no');
};
/** Rounds, one every few milliseconds, until `until` holds. */
async function settleUntil(queue: QueueRef, maxRetries: number, until: () => Promise<boolean>): Promise<void> {
  await eventually(
    async () => {
      await settle(t.redis, queue, { maxRetries });
      return await until();
    },
    { intervalMs: 5 },
  );
}

test('a dead letter is the whole job, an ordinary failed job for BullMQ that no worker runs', async () => {
  const queue = queueOf('whole');
  const producer = t.producer(queue);
  const removed: string[] = [];
  const events = new QueueEvents(queue.name, { connection: { ...t.target } });
  events.on('removed', ({ jobId }) => void removed.push(jobId));
  await events.waitUntilReady();
  const opts = { jobId: 'order-7', priority: 5, attempts: 2, stackTraceLimit: 3 };
  const added = await producer.add('mail', { to: 'x', n: [1, { deep: true }] }, opts);
  t.worker(queue, async (job) => {
    await job.log(`attempt ${job.attemptsMade + 1}`);
    die();
  });
  await settleUntil(queue, 0, async () => (await letterIds(t.redis, queue)).length === 1);

  const dead = t.producer(deadLetterQueue(queue));
  let ran = 0;
  t.worker(deadLetterQueue(queue), async () => Promise.resolve(void ran++));
  const [letter] = await dead.getJobs(['failed'], 0, -1, true);
  expect(letter).toMatchObject({
    id: `whole.order-7.${letter!.finishedOn}`,
    name: 'mail',
    data: { to: 'x', n: [1, { deep: true }] },
    opts: { priority: 5, attempts: 2, stackTraceLimit: 3 },
    failedReason: 'no',
    attemptsMade: 2,
    timestamp: added.timestamp,
  });
  expect(letter!.processedOn).toBeGreaterThanOrEqual(added.timestamp);
  expect(letter!.stacktrace).toHaveLength(2);
  expect((await dead.getJobLogs(letter!.id!)).logs).toEqual(['attempt 1', 'attempt 2']);
  expect(await producer.getJobCounts()).toMatchObject({ failed: 0, waiting: 0, prioritized: 0 });
  expect(await producer.getJob('order-7')).toBeUndefined();
  await eventually(() => Promise.resolve(removed.includes('order-7')));
  // Nothing of it is left, and a worker of the dead-letter queue runs what is added there and no letter.
  expect((await t.redis.keys('bull:whole:*')).filter((key) => key.includes('order-7'))).toEqual([]);
  await dead.add('other', {});
  await eventually(() => Promise.resolve(ran === 1));
  expect(await dead.getJobCounts()).toMatchObject({ failed: 1, waiting: 0 });
  await events.close();
});

describe('a job runs max(attempts, 1 + maxRetries) times', () => {
  it.each([
    { attempts: 1, maxRetries: 2, runs: 3 },
    { attempts: 4, maxRetries: 1, runs: 4 },
    { attempts: 2, maxRetries: 3, runs: 4, priority: 7 },
  ])('$attempts, $maxRetries: $runs', async ({ attempts, maxRetries, runs, priority = 0 }) => {
    const queue = queueOf(`runs-${attempts}-${maxRetries}`);
    await t.producer(queue).add('job', {}, { attempts, priority });
    const seen: number[] = [];
    t.worker(queue, async (job) => {
      seen.push(job.priority);
      await Promise.reject(new Error('no'));
    });
    await settleUntil(queue, maxRetries, async () => (await letterIds(t.redis, queue)).length === 1);
    expect(seen).toEqual(Array.from({ length: runs }, () => priority));
  });

  it('one that cannot be recovered runs once, also of a class of its own where attempts are left', async () => {
    const queue = queueOf('unrecoverable');
    class NotMine extends UnrecoverableError {}
    const producer = t.producer(queue);
    await producer.addBulk([
      { name: 'plain', data: {} },
      { name: 'own', data: {}, opts: { attempts: 3 } },
    ]);
    let runs = 0;
    t.worker(queue, async (job) => {
      runs++;
      await Promise.reject(job.name === 'own' ? new NotMine('no') : new UnrecoverableError('no'));
    });
    await settleUntil(queue, 3, async () => (await letterIds(t.redis, queue)).length === 2);
    expect(runs).toBe(2);
  });

  it('one that stalls too often counts a run for it', async () => {
    const queue = queueOf('stalls');
    const producer = t.producer(queue);
    const job = await producer.add('job', {});
    const connection = { ...t.target, maxRetriesPerRequest: null };
    const holder = new Worker(queue.name, undefined, { connection, autorun: false });
    await holder.getNextJob('gone');
    await t.redis.del(`bull:stalls:${job.id}:lock`);
    await t.redis.sadd('bull:stalls:stalled', job.id!);
    let runs = 0;
    t.worker(queue, async () => Promise.reject(new Error(`run ${++runs}`)), {
      stalledInterval: 50,
      maxStalledCount: 0,
    });
    await settleUntil(queue, 2, async () => (await letterIds(t.redis, queue)).length === 1);
    const [letter] = await t.producer(deadLetterQueue(queue)).getFailed();
    expect(letter).toMatchObject({ attemptsMade: 3, failedReason: 'run 2' });
    await holder.close(true);
  });

  it('where a stall counts no attempt, as in BullMQ before v6, our own retries end it', async () => {
    const queue = queueOf('stalls-v5');
    const reason = 'job stalled more than allowable limit';
    await putFailed(t.redis, queue, '1', 1_000, { failedReason: reason, atm: 0 });
    for (let death = 1; death <= 3; death++) {
      expect(await settle(t.redis, queue, { maxRetries: 3 })).toMatchObject({ retried: 1 });
      await t.redis.rpop('bull:stalls-v5:wait');
      await putFailed(t.redis, queue, '1', 1_000 + death, { failedReason: reason, atm: 0 });
    }
    expect(await settle(t.redis, queue, { maxRetries: 3 })).toMatchObject({ retried: 0, moved: 1 });
  });
});

test("an UnrecoverableError of BullMQ's Python workers is told by the last line of its trace", async () => {
  const queue = queueOf('python');
  const name = 'bullmq.custom_errors.unrecoverable_error.UnrecoverableError';
  await putFailed(t.redis, queue, 'final', 1_000, { stacktrace: pythonTrace(`${name}: bad "input"`) });
  await putFailed(t.redis, queue, 'again', 1_001, { stacktrace: pythonTrace(`ValueError: no UnrecoverableError`) });
  expect(await settle(t.redis, queue, { maxRetries: 1 })).toMatchObject({ moved: 1, retried: 1 });
  expect(await letterIds(t.redis, queue)).toEqual(['python.final.1000']);
});

test('a job waits for its backoff, as long as that of its last attempt', async () => {
  const queue = queueOf('backoff');
  const [seconds] = await t.redis.time();
  const nowMs = Number(seconds) * 1_000;
  const opts = JSON.stringify({ attempts: 1, backoff: { type: 'exponential', delay: 60_000 } });
  await putFailed(t.redis, queue, 'later', nowMs, { opts, atm: 3 });
  await putFailed(t.redis, queue, 'due', nowMs - 60_001, { opts });
  const round = await settle(t.redis, queue, { maxRetries: 5 });
  expect(round).toMatchObject({ retried: 1, moved: 0, waiting: 1, nextDueMs: nowMs + 4 * 60_000 });
  expect(await t.redis.lrange('bull:backoff:wait', 0, -1)).toEqual(['due']);
});

test('flows are reported and left alone', async () => {
  const queue = queueOf('flow');
  const flows = new FlowProducer({ connection: t.redis });
  const child = { name: 'child', queueName: queue.name, opts: { failParentOnFailure: true } };
  await flows.add({ name: 'parent', queueName: queue.name, children: [child] });
  const producer = t.producer(queue);
  t.worker(queue, die);
  await eventually(async () => (await producer.getFailedCount()) === 2);
  expect(await settle(t.redis, queue, { maxRetries: 1 })).toMatchObject({
    failed: 2,
    retried: 0,
    moved: 0,
    left: { flowChild: 1, flowParent: 1, unreadable: 0 },
  });
  expect(await producer.getFailedCount()).toBe(2);
});

test('two deaths of one id are two letters, even in the same millisecond', async () => {
  const queue = queueOf('twice');
  for (const death of [5_000, 5_000, 6_000]) {
    await putFailed(t.redis, queue, 'same', death, { data: `{"death":${death}}` });
    expect(await settle(t.redis, queue)).toMatchObject({ moved: 1 });
  }
  expect(await letterIds(t.redis, queue)).toEqual(['twice.same.5000', 'twice.same.5000.2', 'twice.same.6000']);
});

test('movers that run at once, and begin anywhere, move every job once; the order is that of finishedOn', async () => {
  const queue = queueOf('crowd');
  const times = Array.from({ length: 1_500 }, (_, n) => 10_000 + ((n * 7_919) % 1_500));
  await Promise.all(times.map((finishedOn, n) => putFailed(t.redis, queue, `j${n}`, finishedOn)));
  const rounds = Array.from({ length: 8 }, (_, n) => settle(t.redis, queue, { pages: 3, random: () => n / 8 }));
  const first = await Promise.all(rounds);
  const last = await settle(t.redis, queue, { pages: 20 });
  expect([...first, last].reduce((sum, { moved }) => sum + moved, 0)).toBe(1_500);
  const letters = await t.producer(deadLetterQueue(queue)).getJobs(['failed'], 0, -1, true);
  expect(new Set(letters.map(({ id }) => id!.split('.')[1])).size).toBe(1_500);
  expect(letters.map(({ finishedOn }) => finishedOn)).toEqual(times.toSorted((a, b) => a - b));
});

test('jobs that are left alone hide nobody: the newest are read first, and the others from anywhere', async () => {
  const queue = queueOf('left');
  const movable = [40, 299];
  for (let n = 0; n < 300; n++)
    await putFailed(t.redis, queue, `${n}-x`, 1_000 + n, movable.includes(n) ? {} : { parentKey: 'bull:p:1' });
  expect(await settle(t.redis, queue, { pages: 1 })).toMatchObject({ moved: 1, examined: 100, failed: 300 });
  const from = (random: number) => settle(t.redis, queue, { pages: 2, random: () => random });
  expect(await from(0.6)).toMatchObject({ moved: 0, examined: 200 });
  expect(await from(0.1)).toMatchObject({ moved: 1, examined: 200 });
  const whole = await settle(t.redis, queue);
  expect(whole).toMatchObject({ moved: 0, examined: 298, left: { flowChild: 298 } });
  expect(whole.leftIds).toHaveLength(5);
});

test('nothing is written when an owner mark is another one, or too late', async () => {
  const queue = queueOf('fenced');
  await putFailed(t.redis, queue, 'a', 1_000);
  await t.redis.hset('bull:fenced:meta', 'redis-queue:owner', 'B');
  await t.redis.hset('bull:fenced-dlq:meta', 'redis-queue:owner', 'D');
  const fence = { ...OPEN_FENCE, queueMark: 'B', deadLetterMark: 'D' };
  for (const [other, refusal] of [
    [{ queueMark: 'A' }, 'ownershipLost'],
    [{ deadLetterMark: '' }, 'ownershipLost'],
    [{ untilMs: 1_000 }, 'late'],
  ] as const)
    expect(await settle(t.redis, queue, { fence: { ...fence, ...other } })).toMatchObject({ moved: 0, refusal });
  expect(await letterIds(t.redis, queue)).toEqual([]);
  expect(await settle(t.redis, queue, { fence })).toMatchObject({ moved: 1 });
});

test('what is listed as failed and is no failed job stays, and costs nobody else theirs', async () => {
  const queue = queueOf('hostile');
  await t.redis.hset('bull:hostile:meta', { version: 'bullmq:6.7.0', finishedOn: 3 });
  await t.redis.set('bull:hostile:text', 'x');
  await t.redis.zadd('bull:hostile:failed', 1, 'meta', 2, 'text', 3, 'gone', 4, 'x'.repeat(5_000));
  await putFailed(t.redis, queue, 'long-stack', 5, { stacktrace: traces(1, 40_000) });
  await putFailed(t.redis, queue, 'stacks', 6, { stacktrace: traces(20, 1_000) });
  await putFailed(t.redis, queue, 'short-stacks', 6, { stacktrace: traces(3, 100) });
  await putFailed(t.redis, queue, 'opts', 7, { opts: JSON.stringify({ attempts: 9, tm: 'x'.repeat(9_000) }) });
  expect(await settle(t.redis, queue)).toMatchObject({ moved: 4, left: { unreadable: 4 } });
  expect(await t.redis.hget('bull:hostile:meta', 'version')).toBe('bullmq:6.7.0');
  const letters = await t.producer(deadLetterQueue(queue)).getFailed();
  expect(letters.map(({ stacktrace }) => stacktrace!.length).toSorted((a, b) => a - b)).toEqual([0, 0, 3, 6]);
  for (const { id } of letters)
    expect(await t.redis.hstrlen(`bull:hostile-dlq:${id}`, 'stacktrace')).toBeLessThanOrEqual(65_536);

  // A dead-letter queue is none that has dead letters of its own.
  expect(await settle(t.redis, deadLetterQueue(queue), { maxRetries: 9 })).toMatchObject({
    left: { unreadable: 4 },
    moved: 0,
    retried: 0,
  });

  const clash = queueOf('clash');
  await putFailed(t.redis, clash, '1', 1_000);
  for (const key of ['bull:clash-dlq:failed', 'bull:clash-dlq:events', 'bull:clash:events', 'bull:clash:wait']) {
    await t.redis.set(key, 'x');
    await expect(settle(t.redis, clash)).rejects.toThrow('WRONGTYPE');
    expect(await t.redis.exists('bull:clash:1')).toBe(1);
    await t.redis.del(key);
  }
});

test('a retry of a paused queue waits in the list that its BullMQ moves back on resume', async () => {
  const fifth = queueOf('paused-v5');
  await t.redis.hset('bull:paused-v5:meta', { paused: 1, version: 'bullmq:5.63.0' });
  const sixth = queueOf('paused-v6');
  await t.redis.hset('bull:paused-v6:meta', { paused: 1, version: 'bullmq:6.7.0' });
  for (const queue of [fifth, sixth]) {
    await putFailed(t.redis, queue, '1', 1_000);
    expect(await settle(t.redis, queue, { maxRetries: 1 })).toMatchObject({ retried: 1 });
    expect(await t.redis.exists(queueKey(queue, 'marker'))).toBe(0);
  }
  expect(await t.redis.lrange('bull:paused-v5:paused', 0, -1)).toEqual(['1']);
  expect(await t.redis.lrange('bull:paused-v6:wait', 0, -1)).toEqual(['1']);
  const later = new Queue(fifth.name, { connection: t.redis, skipMetasUpdate: true });
  await later.resume();
  expect(await later.getWaitingCount()).toBe(1);
});

test('a job that is moved ends its deduplication, but not before its time to live', async () => {
  const queue = queueOf('dedupe');
  await t.redis.mset('bull:dedupe:de:d', '1', 'bull:dedupe:dn:d', 'next', 'bull:dedupe:de:e', 'another');
  await t.redis.set('bull:dedupe:de:f', '3', 'PX', 60_000);
  await t.redis.set('bull:dedupe:dn:f', 'next');
  for (const [id, deid] of ['d', 'e', 'f'].entries())
    await putFailed(t.redis, queue, String(id + 1), 1_000 + id, { deid });
  expect(await settle(t.redis, queue)).toMatchObject({ moved: 3 });
  expect(await t.redis.exists('bull:dedupe:de:d', 'bull:dedupe:dn:d')).toBe(0);
  expect(await t.redis.mget('bull:dedupe:de:e', 'bull:dedupe:de:f', 'bull:dedupe:dn:f')).toEqual([
    'another',
    '3',
    'next',
  ]);
  expect(await t.redis.pttl('bull:dedupe:de:f')).toBeGreaterThan(0);
});

test('a job that was retried or died again since it was read is left for the next round', async () => {
  const queue = queueOf('changed');
  const producer = t.producer(queue);
  await putFailed(t.redis, queue, 'a', 1_000);
  for (const [id, finishedOn] of [
    ['b', 1_001],
    ['c', 1_002],
    ['d', 1_003],
  ] as const)
    await putFailed(t.redis, queue, id, finishedOn);
  let calls = 0;
  const round = await settleFailedJobs(
    async (call) => {
      // Between reading and acting.
      if (++calls === 2) {
        await (await producer.getJob('a'))!.retry('failed');
        await putFailed(t.redis, queue, 'b', 2_000);
        await putFailed(t.redis, queue, 'c', 1_002, { atm: 2 });
        await t.redis.zrem('bull:changed:failed', 'd');
      }
      return await call(t.redis);
    },
    queue,
    { maxRetries: 0, fence: OPEN_FENCE, random: Math.random },
  );
  expect(round).toMatchObject({ moved: 0 });
  expect(await producer.getJobCounts()).toMatchObject({ waiting: 1, failed: 2 });
});

test('a full Redis takes dead letters, which need next to no room; a retry that finds none leaves the job as it is', async () => {
  await using full = await testRedis();
  const queue = queueOf('full');
  await putFailed(full.redis, queue, 'retry', 1_000);
  await putFailed(full.redis, queue, 'dead', 1_001, { atm: 2 });
  const retryAlone = queueOf('full-too');
  await putFailed(full.redis, retryAlone, 'retry', 1_000);
  await full.redis.config('SET', 'maxmemory', '1');
  await expect(full.redis.set('x', 'y')).rejects.toThrow('OOM');
  expect(await settle(full.redis, queue, { maxRetries: 1 })).toMatchObject({ moved: 1, retried: 1 });
  await expect(settle(full.redis, retryAlone, { maxRetries: 1 })).rejects.toThrow('OOM');
  await full.redis.config('SET', 'maxmemory', '0');
  expect(await settle(full.redis, retryAlone, { maxRetries: 1 })).toMatchObject({ retried: 1 });
  expect(await full.redis.hget('bull:full-too:retry', 'redis-queue:retries')).toBe('1');
});

test('long stack traces make pages short; every job is looked at once in a round all the same', async () => {
  const queue = queueOf('stacks');
  const stacktrace = JSON.stringify(Array(20).fill('Error: no\n    at x'.repeat(80)));
  expect(stacktrace.length).toBeGreaterThan(20_000);
  for (let n = 0; n < 130; n++) {
    const flow = n % 10 === 0 && { parentKey: 'bull:p:1' };
    const stack = n % 7 === 0 ? JSON.stringify(['Error', 'UnrecoverableError: no']) : stacktrace;
    await putFailed(t.redis, queue, `j${n}`, 1_000 + n, { stacktrace: stack, ...flow });
  }
  // Those that cannot be recovered, without the children of flows.
  const moved = 19 - 2;
  expect(await settle(t.redis, queue, { maxRetries: 1 })).toMatchObject({
    examined: 130,
    moved,
    left: { flowChild: 13 },
    retried: 130 - 13 - moved,
  });
});
