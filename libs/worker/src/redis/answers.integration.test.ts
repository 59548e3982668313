import { startRedis, startRedisCluster } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { redisAnswers } from './answers.ts';

const DEADLINE_MS = 4_000;
const KEYS = ['bull:emails:meta'];

it('a server answers as long as it runs and lets the user in, also one who may not read the key', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startRedis();
  stack.defer(() => server.stop());
  const admin = new Redis({ port: server.port });
  admin.on('error', () => undefined);
  stack.defer(() => admin.disconnect());
  const { port } = server;
  expect(await redisAnswers({ port, maxRetriesPerRequest: null }, KEYS, DEADLINE_MS)).toBe(true);
  expect(await redisAnswers({ port, username: 'nobody', password: 'wrong' }, KEYS, DEADLINE_MS)).toBe(false);
  await admin.call('ACL', 'SETUSER', 'worker', 'on', '>pw', '~bull:*', '+@all', '-exists');
  expect(await redisAnswers({ port, username: 'worker', password: 'pw' }, KEYS, DEADLINE_MS)).toBe(true);
  await server.kill9();
  expect(await redisAnswers({ port }, KEYS, 500)).toBe(false);
});

it('a server that is frozen does not, and the deadline holds', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startRedis();
  stack.defer(() => server.stop());
  process.kill(server.pid, 'SIGSTOP');
  stack.defer(() => void process.kill(server.pid, 'SIGCONT'));
  expect(await redisAnswers({ port: server.port }, KEYS, 500)).toBe(false);
});

it('of a Redis Cluster the nodes of the keys have to answer', async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startRedisCluster(3, { replicas: true, nodeTimeoutMs: 60_000 }));
  const target = { ...cluster.address, cluster: true };
  const keys = ['bull:{emails}:meta', 'bull:{sms}:meta', 'bull:{letters}:meta'];
  expect(await redisAnswers(target, keys, DEADLINE_MS)).toBe(true);
  const entry = cluster.address.port;
  const shards = await Promise.all(keys.map(async (key) => await cluster.shardOf(key)));
  const gone = shards.findIndex(({ primary }) => primary.port !== entry);
  await shards[gone]!.primary.kill9();
  const same = shards.map(({ primary }) => primary === shards[gone]!.primary);
  expect(
    await redisAnswers(
      target,
      keys.filter((_, n) => same[n]),
      DEADLINE_MS,
    ),
  ).toBe(false);
  expect(
    await redisAnswers(
      target,
      keys.filter((_, n) => !same[n]),
      DEADLINE_MS,
    ),
  ).toBe(true);
});
