import { expect, it } from 'vitest';
import { RedisConnections } from './connections.ts';
import { classifyRedisError } from './errors.ts';
import { readInTime } from './read-in-time.ts';

const hang = (): Promise<never> => new Promise(() => undefined);
const inTime = (timeoutMs: number) => ({ namespace: 'team', timeoutMs });
const UNREACHABLE = { host: '127.0.0.1', port: 1 };

it('a Redis Cluster without a node that can be reached fails in time, and its client is not filled with commands', async () => {
  const connections = new RedisConnections();
  const target = { ...UNREACHABLE, cluster: true };
  for (let reads = 0; reads < 3; reads++) {
    const error: unknown = await readInTime(connections, target, inTime(20), (redis) => redis.ping()).catch(
      (reason: unknown) => reason,
    );
    expect(classifyRedisError(error).reason).toBe('RedisUnreachable');
    expect(connections.size).toBe(0);
  }
});

it('a single server keeps its connection, which is cared for by PING', async () => {
  const connections = new RedisConnections();
  await expect(readInTime(connections, UNREACHABLE, inTime(20), hang)).rejects.toThrow('timed out');
  expect(connections.size).toBe(1);
  connections.close();
});

it('what is read in time is returned, and what fails is thrown', async () => {
  const connections = new RedisConnections();
  expect(await readInTime(connections, UNREACHABLE, inTime(60_000), () => Promise.resolve(1))).toBe(1);
  await expect(
    readInTime(connections, UNREACHABLE, inTime(60_000), () => Promise.reject(new Error('NOPERM'))),
  ).rejects.toThrow('NOPERM');
  connections.close();
});
