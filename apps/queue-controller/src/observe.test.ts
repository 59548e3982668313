import { expect, it, vi } from 'vitest';
import { RedisConnections, type RedisTls } from '@redis-queue/bullmq';
import { CircuitOpenError } from '@redis-queue/redis-access';
import { redisProblem, ServerInfoCache } from './observe.ts';

const INFO = { product: 'redis', version: '7.0.15', tooOld: false, maxmemoryPolicy: 'noeviction' } as const;

it('what a server is, is asked once a minute, and forgotten when nobody asks any more', async () => {
  let nowMs = 0;
  let reads = 0;
  const servers = new ServerInfoCache(() => nowMs);
  const ask = async (host: string): Promise<unknown> =>
    await servers.get({ host, port: 6379 }, () => Promise.resolve(INFO).finally(() => reads++));
  for (let server = 0; server < 100; server++) await ask(`gone-${server}`);
  nowMs = 59_999;
  await ask('gone-99');
  await ask('stays');
  expect([reads, servers.size]).toEqual([101, 101]);
  nowMs = 60_000;
  await ask('another');
  expect([reads, servers.size]).toEqual([102, 2]);
});

it.each([
  [true, 0],
  [false, 1],
])('the client of a Redis that does not answer in time (cluster: %s) leaves %i behind', (cluster, size) => {
  const connections = new RedisConnections();
  const target = { host: '127.0.0.1', port: 1, cluster };
  expect(connections.get(target)).toBeDefined();
  expect(redisProblem(new CircuitOpenError(undefined), target, connections)).toEqual({
    reason: 'RedisUnreachable',
    message: '127.0.0.1:1: Redis did not answer in time; it is tried again within 10 s',
  });
  expect(connections.size).toBe(size);
  connections.close();
});

it('a Redis Cluster that refuses to say where its slots are is reported with that, and not as one that hangs', () => {
  const connections = new RedisConnections();
  const refusal = new Error("NOPERM this user has no permissions to run the 'cluster|slots' command");
  vi.spyOn(connections, 'refusal').mockReturnValue(refusal);
  const target = { host: 'redis', port: 6379, cluster: true };
  expect(redisProblem(new CircuitOpenError(undefined), target, connections)).toEqual({
    reason: 'RedisNoPermission',
    message: expect.stringMatching(/^redis:6379: .*'cluster\|slots' command/),
  });
});

it('an outage is reported with its cause, to those who were refused too', () => {
  const connections = new RedisConnections();
  const refused = new CircuitOpenError(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
  expect(redisProblem(refused, { host: 'redis', port: 6379 }, connections)).toEqual({
    reason: 'RedisUnreachable',
    message: 'redis:6379: Redis cannot be reached (ECONNREFUSED)',
  });
});

it('what one connection says of its server is not taken for what another of the same address leads to', async () => {
  const servers = new ServerInfoCache(() => 0);
  const target = { host: 'gateway', port: 6379 };
  const versionOf = async (tls: RedisTls | undefined, version: string): Promise<string> =>
    (await servers.get({ ...target, ...(tls && { tls }) }, () => Promise.resolve({ ...INFO, version }))).version;
  expect([
    await versionOf(undefined, '7.0.0'),
    await versionOf({ serverName: 'a' }, '7.1.0'),
    await versionOf({ serverName: 'b' }, '7.2.0'),
    await versionOf({ serverName: 'a' }, '7.3.0'),
  ]).toEqual(['7.0.0', '7.1.0', '7.2.0', '7.1.0']);
});
