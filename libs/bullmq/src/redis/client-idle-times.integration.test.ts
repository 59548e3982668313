import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually, startRedis, startRedisCluster } from '@redis-queue/rig';
import { Cluster, Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { classifyRedisError } from '../connections/errors.ts';
import { UnexpectedReplyError } from './reply.ts';
import { parseClientList, readClientIdleTimes } from './client-idle-times.ts';

/** Redis lets in only 127.0.0.1 without a password. */
async function letIn(port: number): Promise<void> {
  const redis = new Redis({ port });
  await redis.config('SET', 'protected-mode', 'no');
  redis.disconnect();
}

/** A client from an address of its own, as a pod has one. */
async function speaker(stack: AsyncDisposableStack, port: number, localAddress: string): Promise<() => Promise<void>> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  stack.defer(() => void socket.destroy());
  const ping = async (): Promise<void> => {
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toBe('+PONG\r\n');
  };
  await ping();
  return ping;
}

it('tells since when each address has been silent, by the connection of it that spoke last', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startRedis();
  stack.defer(() => server.stop());
  const redis = new Redis({ port: server.port });
  stack.defer(() => redis.disconnect());
  await letIn(server.port);
  const [alive] = await Promise.all(
    ['127.0.0.2', '127.0.0.2', '127.0.0.3'].map((address) => speaker(stack, server.port, address)),
  );
  const found = await eventually(async () => {
    await alive!();
    const idle = (await readClientIdleTimes(redis))!;
    return idle.get('127.0.0.3')! >= 2 && idle;
  });
  expect(found.get('127.0.0.2')).toBeLessThan(2);
});

it('asks every primary of a Redis Cluster', async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startRedisCluster());
  const redis = new Cluster([cluster.address]);
  stack.defer(() => redis.disconnect());
  await letIn(cluster.nodes[2]!.port);
  await speaker(stack, cluster.nodes[2]!.port, '127.0.0.9');
  // Its nodes are known once it is ready.
  await redis.ping();
  const idle = (await readClientIdleTimes(redis as unknown as Redis))!;
  expect([...idle.keys()]).toEqual(expect.arrayContaining(['127.0.0.1', '127.0.0.9']));
});

it('without the right says so, as any other refusal', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startRedis();
  stack.defer(() => server.stop());
  const admin = new Redis({ port: server.port });
  stack.defer(() => admin.disconnect());
  await admin.call('ACL', 'SETUSER', 'sampler', 'on', '>pw', '+info');
  const redis = new Redis({ port: server.port, username: 'sampler', password: 'pw', enableReadyCheck: false });
  stack.defer(() => redis.disconnect());
  const error: unknown = await readClientIdleTimes(redis).catch((refusal: unknown) => refusal);
  expect(classifyRedisError(error).reason).toBe('RedisNoPermission');
});

/** As CLIENT LIST has a connection. */
const line = (addr: string, idle: number): string =>
  `id=3 addr=${addr} laddr=127.0.0.1:6379 fd=8 name=bull:ZW1haWxz age=100 idle=${idle} flags=N db=0 cmd=ping user=default\n`;

it('reads addresses of both kinds, and passes over a socket', () => {
  const list = `${line('10.0.0.7:51234', 3)}${line('[fd00::7]:51234', 4)}${line('/run/redis.sock:0', 5)}`;
  expect(parseClientList(list)).toEqual([
    ['10.0.0.7', 3],
    ['fd00::7', 4],
  ]);
  expect(() => parseClientList(3)).toThrow(UnexpectedReplyError);
  // As far as a reply may be long, which took hours with a pattern over all of it.
  expect(parseClientList(' addr=1.2.3.4:1 '.repeat(250_000))).toEqual([]);
});
