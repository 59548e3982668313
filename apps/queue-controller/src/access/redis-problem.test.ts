import { RedisConnections } from '@redis-queue/bullmq';
import { CircuitOpenError } from '@redis-queue/redis-access';
import { expect, it, vi } from 'vitest';
import { redisProblem } from './redis-problem.ts';

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
