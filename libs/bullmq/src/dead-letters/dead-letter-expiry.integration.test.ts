import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { QueueRef } from '../redis/keys.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { countLostLetters, type LostLetters } from './dead-letters-lost.ts';
import { deadLetterQueue } from './dead-letter-queue.ts';
import { removeExpiredLetters } from './dead-letter-expiry.ts';
import { callOn, letterIds, OPEN_FENCE, putFailed, settle } from './dead-letters.fixture.ts';

// Walls 1, 4 and 8: steps are bounded by jobs and bytes, ownership is looked at in each, and what is lost is said.

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const queueOf = (name: string): QueueRef => ({ prefix: 'bull', name });
const DAY_MS = 86_400_000;

test('letters older than they are to be kept go with all they have, in bounded steps; what is not ours stays', async () => {
  const queue = queueOf('old');
  const [seconds] = await t.redis.time();
  const nowMs = Number(seconds) * 1_000;
  for (let n = 0; n < 150; n++) {
    await putFailed(t.redis, queue, `j${n}`, nowMs - DAY_MS - 1_000 - n);
    await t.redis.rpush(`bull:old:j${n}:logs`, 'x');
  }
  await putFailed(t.redis, queue, 'young', nowMs - DAY_MS + 60_000);
  await settle(t.redis, queue);
  const dead = deadLetterQueue(queue);
  for (let n = 0; n < 120; n++) await putFailed(t.redis, dead, `theirs-${n}`, nowMs - 3 * DAY_MS);
  const options = { keepMs: DAY_MS, fence: OPEN_FENCE };
  const refused = { ...options, fence: { ...OPEN_FENCE, deadLetterMark: 'A' } };
  expect(await removeExpiredLetters(callOn(t.redis), queue, refused)).toMatchObject({ refusal: 'ownershipLost' });
  expect(await removeExpiredLetters(callOn(t.redis), queue, { ...options, calls: 2 })).toMatchObject({
    removed: 80,
    foreign: 120,
    more: true,
  });
  expect(await removeExpiredLetters(callOn(t.redis), queue, options)).toEqual({
    removed: 70,
    foreign: 120,
    more: false,
  });
  // Two rounds for what would take Redis too long to free at once.
  for (let n = 0; n < 4; n++) await putFailed(t.redis, queue, `big${n}`, nowMs - 2 * DAY_MS, { data: 'x'.repeat(6e6) });
  await settle(t.redis, queue);
  expect(await removeExpiredLetters(callOn(t.redis), queue, { ...options, calls: 2 })).toMatchObject({ more: true });
  expect(await removeExpiredLetters(callOn(t.redis), queue, options)).toMatchObject({ removed: 1, more: false });
  const left = await letterIds(t.redis, queue);
  expect(left.filter((id) => !id.startsWith('theirs'))).toEqual([`old.young.${nowMs - DAY_MS + 60_000}`]);
  expect((await t.redis.keys('bull:old-dlq:old.*')).length).toBe(1);
});

test('a round goes on behind what others put there, as often as it is told how many those are', async () => {
  const queue = queueOf('crowded');
  const nowMs = Date.now();
  const dead = deadLetterQueue(queue);
  for (let n = 0; n < 250; n++) await putFailed(t.redis, dead, `theirs-${n}`, nowMs - 3 * DAY_MS);
  for (let n = 0; n < 3; n++) await putFailed(t.redis, queue, `j${n}`, nowMs - 2 * DAY_MS);
  await settle(t.redis, queue);
  const options = { keepMs: DAY_MS, fence: OPEN_FENCE, calls: 1 };
  const round = (passedOver: number) => removeExpiredLetters(callOn(t.redis), queue, { ...options, passedOver });
  expect(await round(0)).toEqual({ removed: 0, foreign: 100, more: true });
  expect(await round(100)).toEqual({ removed: 0, foreign: 200, more: true });
  expect(await round(200)).toEqual({ removed: 3, foreign: 250, more: false });
});

test('jobs that removeOnFail deletes are counted once each, those that are moved, retried or kept are not', async () => {
  const queue = queueOf('lost');
  const producer = t.producer(queue);
  const count = () => countLostLetters(callOn(t.redis), queue, OPEN_FENCE);
  t.worker(queue, (job) => (job.name === 'ok' ? Promise.resolve() : Promise.reject(new Error('no'))));
  await producer.add('before', {}, { removeOnFail: true });
  const failures = async (wanted: number): Promise<void> => {
    await eventually(async () => {
      const events = await t.redis.xrange('bull:lost:events', '-', '+');
      return events.filter(([, fields]) => fields.includes('failed') && fields[1] === 'failed').length >= wanted;
    });
  };
  await failures(1);
  expect(await count()).toEqual({ lost: 0, atLeast: false, redisTimeMs: expect.any(Number) });

  await producer.add('ok', {}, { removeOnComplete: true });
  for (let n = 0; n < 3; n++) await producer.add('gone', {}, { removeOnFail: true, attempts: 2 });
  for (let n = 0; n < 2; n++) await producer.add('kept', {});
  await failures(6);
  expect(await settle(t.redis, queue, { maxRetries: 1 })).toMatchObject({ retried: 2 });
  await failures(8);
  expect(await settle(t.redis, queue, { maxRetries: 1 })).toMatchObject({ moved: 2 });
  const { lastMs, ...found } = (await count()) as LostLetters;
  expect(found).toEqual({ lost: 3, atLeast: false, redisTimeMs: lastMs });
  // Until another is lost, the time stays.
  expect(await count()).toMatchObject({ lost: 3, atLeast: false, lastMs });

  // More events than a call reads: the newest are read, and the rest is said to be unread.
  const pipeline = t.redis.pipeline();
  for (let n = 0; n < 600; n++) pipeline.xadd('bull:lost:events', '*', 'event', 'failed', 'jobId', `x${n}`);
  await pipeline.exec();
  expect(await count()).toMatchObject({ lost: 503, atLeast: true });
  // What jobs return is in the events too: no call reads all of it, however long.
  const long = t.redis.pipeline();
  for (let n = 0; n < 60; n++) {
    const value = 'v'.repeat(100_000);
    long.xadd('bull:lost:events', '*', 'event', 'completed', 'jobId', `y${n}`, 'returnvalue', value);
  }
  await long.exec();
  await t.redis.config('RESETSTAT');
  expect(await count()).toMatchObject({ lost: 503, atLeast: true });
  expect(Number(/cmdstat_xrevrange:calls=(\d+)/.exec(await t.redis.info('commandstats'))![1])).toBe(2);
});
