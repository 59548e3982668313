import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ACL_RULES } from './acl.ts';
import { RedisConnections } from './connections.ts';
import { classifyRedisError } from './errors.ts';
import type { RedisAddress } from './target.ts';
import { QueueWakeups } from '../sampling/wakeups.ts';
import { WriteWatch } from '../snapshot/write-watch.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

const DATABASE = 3;
const KEY = 'bull:emails:meta';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
  for (const [name, rules] of Object.entries(ACL_RULES)) await user(name, rules);
  await user('confined', ACL_RULES.controller.replace(' +select', ''));
  await t.redis.select(DATABASE);
  await t.redis.hset(KEY, 'place', 'ours');
  await t.redis.select(0);
  await t.redis.hset(KEY, 'place', 'of somebody else');
});
afterAll(() => t[Symbol.asyncDispose]());

async function user(name: string, rules: string): Promise<void> {
  await t.redis.call('ACL', 'SETUSER', name, 'reset', 'on', '>pw', 'resetchannels', ...rules.split(' '));
}

const targetOf = (username: string, db = DATABASE): RedisAddress => ({ ...t.target, username, password: 'pw', db });

function open(): RedisConnections {
  const connections = new RedisConnections({ clientName: 'test' });
  onTestFinished(() => connections.close());
  return connections;
}

it.each(Object.keys(ACL_RULES))('%s reaches the database that its Secret names', async (username) => {
  await t.redis.acl('LOG', 'RESET');
  expect(await open().get(targetOf(username)).hget(KEY, 'place')).toBe('ours');
  expect(await t.redis.acl('LOG')).toEqual([]);
});

describe.each([
  ['a user who may not choose a database', 'confined', DATABASE, 'RedisNoPermission', "'select' command"],
  ['a database that does not exist', 'controller', 99, 'RedisError', 'no database of the number'],
])('%s', (_, username, db, reason, message) => {
  it('reads and writes nothing in database 0, also over duplicates, and says why', async () => {
    const redis = open().get(targetOf(username, db));
    const copy = redis.duplicate();
    copy.on('error', () => {});
    onTestFinished(() => copy.disconnect());
    for (const client of [redis, copy, redis]) {
      const refused = await client.hset(KEY, 'concurrency', '5').catch(classifyRedisError);
      expect(refused).toEqual({ reason, message: expect.stringContaining(message) });
      await expect(client.hgetall(KEY)).rejects.toThrow(/NOPERM|out of range/);
    }
    expect(await t.redis.hgetall(KEY)).toEqual({ place: 'of somebody else' });
    expect(redis.status).not.toBe('ready');
  });

  it('is no place to watch for new jobs and writes', async () => {
    const errors: unknown[] = [];
    const wakeups = new QueueWakeups(targetOf(username, db), { onError: (error) => errors.push(error) });
    onTestFinished(() => wakeups.close());
    const isSaid = () => errors.some((error) => classifyRedisError(error).message.includes(message));
    await eventually(isSaid, { timeoutMs: 20_000 });
    expect(wakeups.live).toBe(false);
    const queues = [{ prefix: 'bull', name: 'emails' }];
    expect(await WriteWatch.open(targetOf(username, db), queues, { clientName: 'test' })).toBeUndefined();
  });
});

it('a user who is given the right is served by the connection that was refused', async () => {
  await user('late', ACL_RULES.controller.replace(' +select', ''));
  const redis = open().get(targetOf('late'));
  await expect(redis.hget(KEY, 'place')).rejects.toThrow(/NOPERM/);
  await user('late', ACL_RULES.controller);
  const place = () => redis.hget(KEY, 'place').catch(() => undefined);
  await eventually(async () => (await place()) === 'ours', { timeoutMs: 20_000 });
});

it('a program that asks for another database is refused, and stays where it is', async () => {
  const redis = open().get(targetOf('controller'));
  await redis.ping();
  await expect(redis.select(99)).rejects.toThrow('DB index is out of range');
  expect(await redis.hget(KEY, 'place')).toBe('ours');
});
