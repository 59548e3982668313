import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { digestPolicies } from './digest-policies.ts';
import { OWNER_FIELD, writeMeta } from '../ownership/owner-mark.ts';
import { NO_DIGEST } from '../ownership/policy-digest.ts';
import { readQueuePolicy, setPaused } from './policy.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
beforeEach(() => t.redis.flushall());
afterAll(() => t[Symbol.asyncDispose]());

const ref = { prefix: 'bull', name: 'watched' };
const META = 'bull:watched:meta';

/** What everybody who reads sees now. */
async function digest(): Promise<string> {
  const [seen] = await digestPolicies(t.redis, [ref]);
  expect((await readQueuePolicy(t.redis, ref)).digest).toBe(seen);
  return seen!;
}

test('what a write leaves is what is read until somebody changes a setting or the mark', async () => {
  const read = await digest();
  const set = { max: 5, duration: 500, concurrency: 3 };
  const left = await writeMeta(t.redis, ref, { expected: undefined, digest: read, mark: 'A', set });
  expect(left).toBe(await digest());
  expect(left).not.toBe(read);
  const paused = await setPaused(t.redis, ref, { paused: true, expected: 'A', digest: left });
  expect(paused).toEqual({ outcome: 'done', digest: await digest() });
  const resumed = await setPaused(t.redis, ref, { paused: false, expected: 'A', digest: paused.digest });
  expect(resumed.digest).toBe(left);
  await t.redis.hset(META, 'version', 'bullmq:6.7.0', 'opts.maxLenEvents', 10);
  expect(await digest()).toBe(left);
  const changes: [string, string][] = [
    ['max', '6'],
    ['duration', '501'],
    ['concurrency', '4'],
    ['paused', '1'],
    [OWNER_FIELD, 'B'],
    [OWNER_FIELD, `A${'x'.repeat(5_000)}`],
  ];
  for (const [field, value] of changes) {
    const before = await t.redis.hget(META, field);
    await t.redis.hset(META, field, value);
    expect(await digest()).not.toBe(left);
    if (before === null) await t.redis.hdel(META, field);
    else await t.redis.hset(META, field, before);
    expect(await digest()).toBe(left);
  }
  await t.redis.flushall();
  expect(await digest()).toBe(read);
});

test('of a paused queue says when jobs of it come where clients before BullMQ 6 lose them, and of others nothing of jobs', async () => {
  await t.redis.hset(META, 'paused', 1, 'version', 'bullmq:6.7.0');
  const empty = await digest();
  await t.redis.lpush('bull:watched:wait', '1');
  expect(await digest()).toBe(empty);
  const makesExposed = [
    () => t.redis.lpush('bull:watched:paused', '2'),
    () => t.redis.hset(META, 'version', 'bullmq:5.70.0'),
    () => t.redis.hdel(META, 'version'),
  ];
  for (const change of makesExposed) {
    await change();
    const exposed = await digest();
    expect(exposed).not.toBe(empty);
    const moved = await setPaused(t.redis, ref, { paused: true, expected: undefined, digest: exposed });
    expect(moved).toEqual({ outcome: 'done', digest: empty });
    expect(await digest()).toBe(empty);
    // A client of BullMQ 6 adds to it.
    await t.redis.lpush('bull:watched:wait', '3');
    expect(await digest()).toBe(exposed);
    await t.redis.del('bull:watched:paused');
    await t.redis.hset(META, 'version', 'bullmq:6.7.0');
    expect(await digest()).toBe(empty);
  }
  await t.redis.hdel(META, 'paused');
  const running = await digest();
  await t.redis.del('bull:watched:wait');
  await t.redis.lpush('bull:watched:paused', '1');
  expect(await digest()).toBe(running);
});

test('a write says nothing of what it left when somebody changed another field since the queue was read', async () => {
  const read = await digest();
  await t.redis.hset(META, 'max', 7);
  const change = { expected: undefined, digest: read };
  expect(await writeMeta(t.redis, ref, { ...change, set: { concurrency: 3 } })).toBe(NO_DIGEST);
  expect(await setPaused(t.redis, ref, { ...change, paused: true })).toEqual({ outcome: 'done', digest: NO_DIGEST });
});

test('a queue that cannot be read has none, and costs the others nothing', async () => {
  const others = Array.from({ length: 120 }, (_, n) => ({ prefix: 'bull', name: `other-${n}` }));
  await t.redis.set('bull:other-60:meta', 'no hash');
  await t.redis.hset('bull:other-70:meta', 'paused', 1);
  const keys = ['~bull:other-*:meta', '~bull:other-80:*'];
  await t.redis.hset('bull:other-80:meta', 'paused', 1);
  await t.redis.call('ACL', 'SETUSER', 'one', 'reset', 'on', '>pw', ...keys, '+@all');
  const redis = new Redis({ ...t.target, username: 'one', password: 'pw' });
  const digests = await digestPolicies(redis, [...others, ref]);
  redis.disconnect();
  expect(digests).toHaveLength(121);
  expect(digests.flatMap((each, index) => (each === NO_DIGEST ? [index] : []))).toEqual([60, 70, 120]);
  expect(await digestPolicies(t.redis, [])).toEqual([]);
});
