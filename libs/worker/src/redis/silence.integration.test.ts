import { eventually, startRedis, startSilentProxy, startSlowLink } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { closeWhenSilent } from './silence.ts';

let server: Awaited<ReturnType<typeof startRedis>>;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

function open(port: number): Redis {
  const redis = new Redis({ port, maxRetriesPerRequest: 0 });
  onTestFinished(() => redis.disconnect());
  redis.on('error', () => undefined);
  closeWhenSilent(redis, { everyMs: 50, patienceMs: 1_000 });
  return redis;
}

it('a connection over which a reply arrives for longer than an answer may take is left alone', async () => {
  await using link = await startSlowLink(server.port, 200_000);
  await using stack = new AsyncDisposableStack();
  const direct = stack.adopt(new Redis({ port: server.port }), (redis) => redis.disconnect());
  await direct.set('large', 'x'.repeat(800_000));
  expect(await open(link.port).get('large')).toHaveLength(800_000);
});

it('a connection over which nothing arrives any more is replaced', async () => {
  await using proxy = await startSilentProxy(server.port);
  const redis = open(proxy.port);
  expect(await redis.ping()).toBe('PONG');
  let closed = false;
  redis.once('close', () => (closed = true));
  proxy.silenceConnections();
  await eventually(() => closed, { timeoutMs: 20_000 });
  await eventually(async () => (await redis.ping()) === 'PONG', { timeoutMs: 20_000 });
});

it('a connection that was ended and is opened again is watched as before', async () => {
  await using proxy = await startSilentProxy(server.port);
  const redis = open(proxy.port);
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

it('a connection that waits for a job is left alone, and is replaced when nothing arrives before or after that', async () => {
  await using proxy = await startSilentProxy(server.port);
  const redis = open(proxy.port);
  const id = await redis.client('ID');
  expect(await redis.bzpopmin('nobody-adds-to-it', 2)).toBeNull();
  expect(await redis.client('ID')).toBe(id);
  proxy.silenceConnections();
  proxy.silenceNewConnections(true);
  await eventually(() => redis.status === 'connect', { timeoutMs: 20_000, description: 'a handshake that is silent' });
  proxy.silenceNewConnections(false);
  await eventually(async () => (await redis.client('ID')) !== id, { timeoutMs: 20_000 });
});
