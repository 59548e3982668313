import { eventually, startRedisCluster } from '@redis-queue/rig';
import { Queue, Worker } from 'bullmq';
import { expect, it } from 'vitest';
import { openRedis } from './open-redis.ts';

const PATIENCE = { timeoutMs: 40_000 };

it('while nobody serves a slot commands fail within seconds, and the end of a job is recorded once somebody does', async () => {
  await using cluster = await startRedisCluster(3, { persistent: true });
  await using stack = new AsyncDisposableStack();
  const [{ host, port }, gone] = cluster.nodes as [(typeof cluster.nodes)[number], (typeof cluster.nodes)[number]];
  const names = ['{a}', '{b}', '{c}', '{d}', '{e}'];
  const shards = await Promise.all(names.map((each) => cluster.shardOf(each)));
  const name = names.find((_, n) => shards[n]!.primary === gone)!;
  const redis = openRedis({ cluster: true, host, port, maxRetriesPerRequest: null }, [{ prefix: 'bull', name }]);
  stack.defer(() => redis.disconnect());
  redis.on('error', () => undefined);
  const queue = new Queue(name, { connection: redis });
  queue.on('error', () => undefined);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const worker = new Worker(name, () => released, { connection: redis, runRetryDelay: 500 });
  stack.defer(() => worker.close(true));
  worker.on('error', () => undefined);
  await queue.add('work', {});
  await eventually(async () => (await queue.getActiveCount()) === 1, PATIENCE);

  await gone.kill9();
  release();
  const failedMs = performance.now();
  await expect(redis.llen(`bull:${name}:wait`)).rejects.toThrow('no node of the Redis Cluster serves the queue');
  expect(performance.now() - failedMs).toBeLessThan(15_000);
  await gone.restart();
  await eventually(async () => (await queue.getCompletedCount()) === 1, PATIENCE);
  expect(await queue.getFailedCount()).toBe(0);
});
