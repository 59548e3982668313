import { eventually, startRedisCluster, type RedisCluster } from '@redis-queue/rig';
import { Queue, Worker } from 'bullmq';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RedisConnections } from './connections.ts';
import { sampleFinishedOf } from '../sampling/finished.ts';
import { sampleHolders } from '../sampling/holders.ts';
import type { QueueRef } from '../redis/keys.ts';
import { digestPolicies } from '../policy/digest-policies.ts';
import { readQueuePolicy } from '../policy/policy.ts';
import { sampleBacklogs, sampleQueues } from '../sampling/sample.ts';
import { idsOf, takeSnapshot } from '../snapshot/snapshot.fixture.ts';
import type { RedisAddress } from './target.ts';

let cluster: RedisCluster;
let target: RedisAddress;
const connections = new RedisConnections({ clientName: 'cluster-test' });
const clients: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster();
  const { host, port } = cluster.nodes[0]!;
  target = { host, port, cluster: true };
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  connections.close();
  await cluster[Symbol.asyncDispose]();
});

function producer({ prefix, name }: QueueRef): Queue {
  const queue = new Queue(name, { prefix, connection: connections.get(target) });
  clients.push(queue);
  return queue;
}

/** One tag for all queues, or one per queue, as BullMQ demands on a Cluster. */
const layouts: [string, (n: number) => QueueRef][] = [
  ['one hash tag in the prefix', (n) => ({ prefix: '{bull}', name: `shared-${n}` })],
  ['a hash tag per queue', (n) => ({ prefix: 'bull', name: `{own-${n}}` })],
];

test.each(layouts)('queues on the nodes of a Redis Cluster are sampled, with %s', async (_, refOf) => {
  const refs = Array.from({ length: 60 }, (_value, n) => refOf(n));
  const redis = connections.get(target);
  await Promise.all(refs.map((ref, n) => redis.lpush(`${ref.prefix}:${ref.name}:wait`, ...Array(n + 1).keys())));
  expect((await sampleBacklogs(redis, refs)).map(({ waiting }) => waiting)).toEqual(refs.map((__, n) => n + 1));
  expect((await sampleQueues(redis, refs)).map(({ waiting }) => waiting)).toEqual(refs.map((__, n) => n + 1));
});

test.each(layouts)('a queue on a Redis Cluster is read whole, with %s', async (_, refOf) => {
  const ref = refOf(300);
  const redis = connections.get(target);
  await producer(ref).addBulk(Array.from({ length: 250 }, (_value, n) => ({ name: 'j', data: { n } })));
  const waiting = (await redis.lrange(`${ref.prefix}:${ref.name}:wait`, 0, -1)).toReversed();
  for (const options of [{}, { maxEntriesInOneStep: 0, pageSize: 100 }]) {
    const held = await takeSnapshot(redis, ref, options);
    expect(idsOf(held, 'waiting')).toEqual(waiting);
    expect(held.end).toMatchObject({ jobs: 250, gone: 0 });
  }
});

test.each(layouts)('what is set for a queue on a Redis Cluster is read, with %s', async (_, refOf) => {
  const ref = refOf(200);
  const redis = connections.get(target);
  await redis.rpush(`${ref.prefix}:${ref.name}:paused`, '1');
  await redis.hset(`${ref.prefix}:${ref.name}:meta`, 'max', '5', 'duration', '500');
  expect(await readQueuePolicy(redis, ref)).toEqual({
    digest: (await digestPolicies(redis, [ref]))[0],
    exists: true,
    paused: false,
    legacyPaused: 1,
    rateLimit: { max: 5, durationMs: 500 },
  });
});

test.each(layouts)('what real workers hold and finish on a Redis Cluster is read, with %s', async (_, refOf) => {
  const refs = [100, 101, 102].map(refOf);
  const redis = connections.get(target);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  for (const ref of refs) {
    await producer(ref).add('j', {});
    const { prefix, name } = ref;
    const connection = new Cluster([target], { redisOptions: { maxRetriesPerRequest: null } });
    const worker = new Worker(name, () => released, { prefix, connection, name: 'pod-1' });
    connection.on('error', () => {});
    worker.on('error', () => {});
    clients.push({ close: () => worker.close(true) }, { close: () => Promise.resolve(connection.disconnect()) });
  }
  await eventually(async () => (await sampleBacklogs(redis, refs)).every(({ active }) => active === 1), {
    timeoutMs: 30_000,
  });
  expect((await sampleHolders(redis, refs))?.jobsByWorker).toEqual(new Map([['pod-1', 3]]));
  release();
  const samples = await eventually(
    async () => {
      const found = await sampleFinishedOf(
        redis,
        refs.map((queue) => ({ queue })),
      );
      return found.every(({ completed }) => completed === 1) ? found : undefined;
    },
    { timeoutMs: 30_000 },
  );
  for (const { waitsMs, serviceMs } of samples) expect([waitsMs.length, serviceMs.length]).toEqual([1, 1]);
});
