import { eventually, startSilentProxy, startSlowLink } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RedisConnections } from './connections.ts';
import { openRedis } from './open-redis.ts';
import { queueKey } from '../redis/keys.ts';
import { reconnectWhenSilent } from './silence.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { QueueWakeups } from '../sampling/wakeups.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

/** A Redis behind a way that can fall silent. */
async function behindProxy() {
  const proxy = await startSilentProxy(t.target.port);
  onTestFinished(() => proxy.stop());
  return { proxy, target: { host: proxy.host, port: proxy.port } };
}

/** How often the server was asked with PING, by all clients. */
async function pings(): Promise<number> {
  return Number(/cmdstat_ping:calls=(\d+)/.exec(await t.redis.info('commandstats'))?.[1]);
}

test('a connection whose server fell silent is replaced within seconds', async () => {
  const { proxy, target } = await behindProxy();
  const connections = new RedisConnections({ clientName: 'rq' });
  onTestFinished(() => connections.close());
  const redis = connections.get(target);
  expect(await redis.ping()).toBe('PONG');
  proxy.silenceConnections();
  await eventually(() => redis.ping(), { timeoutMs: 20_000, description: 'an answer on a new connection' });
});

test('a wake-up goes missing for seconds at most when the connection that reports it fell silent', async () => {
  const { proxy, target } = await behindProxy();
  const wakeups = new QueueWakeups(target);
  onTestFinished(() => wakeups.close());
  let woken = 0;
  const emails = { prefix: 'bull', name: 'behind-silence' };
  await eventually(() => wakeups.live);
  await wakeups.watch(emails, () => woken++);
  proxy.silenceConnections();
  await t.redis.lpush(queueKey(emails, 'wait'), '1');
  await eventually(() => woken > 0, { timeoutMs: 20_000, description: 'the wake-up of the new connection' });
  const before = woken;
  await eventually(() => wakeups.live);
  await t.redis.lpush(queueKey(emails, 'wait'), '2');
  expect(await eventually(() => woken > before, { description: 'wake-ups as before' })).toBe(true);
});

/** A copy, as BullMQ makes one to wait for jobs: its commands have no deadline, and are sent again. */
function copyOf(redis: Redis): Redis {
  const copy = redis.duplicate({ commandTimeout: undefined, maxRetriesPerRequest: null });
  onTestFinished(() => copy.disconnect());
  return copy.on('error', () => {});
}

/** What the command replies, however long it takes. */
function replyOf(command: Promise<unknown>) {
  const reply: { value?: unknown } = {};
  void command.then((value) => (reply.value = value));
  return async () => {
    await eventually(() => 'value' in reply, { timeoutMs: 20_000, description: 'the reply' });
    return reply.value;
  };
}

test('a copy, which may wait for a job, is replaced when Redis falls silent before the handshake is over', async () => {
  const { proxy, target } = await behindProxy();
  const redis = openRedis(target);
  onTestFinished(() => redis.disconnect());
  expect(await redis.ping()).toBe('PONG');
  proxy.silenceNewConnections(true);
  const copy = copyOf(redis);
  const popped = replyOf(copy.bzpopmin('behind-silence', 0));
  await eventually(() => copy.status === 'connect');
  proxy.silenceNewConnections(false);
  await t.redis.zadd('behind-silence', 1, 'a');
  expect(await popped()).toEqual(['behind-silence', 'a', '1']);
});

test('a copy that asks for something else is replaced when Redis falls silent after the handshake', async () => {
  const { proxy, target } = await behindProxy();
  const redis = openRedis(target);
  onTestFinished(() => redis.disconnect());
  const copy = copyOf(redis);
  expect(await copy.ping()).toBe('PONG');
  proxy.silenceConnections();
  expect(await replyOf(copy.info())()).toContain('redis_version');
});

test('a connection that was ended and is opened again is watched as before', async () => {
  const { proxy, target } = await behindProxy();
  const redis = openRedis(target);
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  redis.disconnect();
  await eventually(() => redis.status === 'end');
  proxy.silenceNewConnections(true);
  void redis.connect().catch(() => {});
  await eventually(() => redis.status === 'connect');
  proxy.silenceNewConnections(false);
  const isReady = (): boolean => redis.status === 'ready';
  expect(await eventually(isReady, { timeoutMs: 20_000, description: 'a new connection' })).toBe(true);
});

test('a connection that waits for a job is left alone', async () => {
  const { target } = await behindProxy();
  const redis = new Redis({ ...target, maxRetriesPerRequest: 0 });
  onTestFinished(() => redis.disconnect());
  const id = await redis.client('ID');
  reconnectWhenSilent(redis, { everyMs: 5, patienceMs: 50 });
  expect(await redis.bzpopmin('nobody-adds-to-it', 1)).toBeNull();
  expect(await redis.client('ID')).toBe(id);
});

test('a connection that answers is left alone', async () => {
  const { target } = await behindProxy();
  const redis = new Redis({ ...target, maxRetriesPerRequest: 0 });
  onTestFinished(() => redis.disconnect());
  reconnectWhenSilent(redis, { everyMs: 5, patienceMs: 50 });
  await redis.ping();
  const id = await redis.client('ID');
  const before = await pings();
  await eventually(async () => (await pings()) > before + 10);
  expect(await redis.client('ID')).toBe(id);
});

test('a connection over which a reply arrives for longer than an answer may take is left alone', async () => {
  await using link = await startSlowLink(t.target.port, 200_000);
  const redis = new Redis({ host: link.host, port: link.port, maxRetriesPerRequest: 0 });
  onTestFinished(() => redis.disconnect());
  reconnectWhenSilent(redis, { everyMs: 50, patienceMs: 1_000 });
  await t.redis.set('large', 'x'.repeat(800_000));
  const before = await pings();
  expect(await redis.get('large')).toHaveLength(800_000);
  expect(await pings()).toBeGreaterThan(before);
});
