import { createServer, type AddressInfo, type Socket } from 'node:net';
import { QUEUES } from '@redis-queue/api';
import { keyOf } from '@redis-queue/controller';
import { eventually, freePort, startSilentServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from './testing/cluster.ts';

// Walls 1 to 3: more tenants than the controller has workers name a Redis that hangs; a good one notices nothing.

const HOSTILE = 9;
let t: TestCluster;
let controller: RunningController;
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t);
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

async function hostileQueues(credentials: Record<string, string>): Promise<StoredQueue[]> {
  const namespaces = await Promise.all(Array.from({ length: HOSTILE }, () => t.cluster.createNamespace('hostile')));
  return await Promise.all(
    namespaces.map(async (namespace, index) => {
      // Each a target of its own, as users differ.
      await t.secret(namespace, { ...credentials, 'redis-username': `tenant-${index}`, 'redis-password': 'x' });
      return await t.queue(namespace, 'hostile', { globalConcurrency: 1 });
    }),
  );
}

/** A good queue, after its change was applied and its counts were sampled. */
async function servedQueue(): Promise<StoredQueue> {
  const queue = await t.queue(await t.namespace(), 'good', { globalConcurrency: 2 });
  await t.settled(queue, 'Applied');
  const changed = await t.client.mergePatch<StoredQueue>(QUEUES, keyOf(queue), { spec: { globalConcurrency: 3 } });
  await t.settled(changed, 'Applied');
  const sampled = await eventually(async () => {
    const now = await t.read(queue);
    return now.status?.sampledAt !== undefined && now;
  });
  await t.client.delete(QUEUES, keyOf(queue));
  return sampled;
}

it('a Redis Cluster without a node that can be reached, of as many tenants as there are workers and more', async () => {
  const hostile = await hostileQueues({
    'redis-host': '127.0.0.1',
    'redis-port': String(await freePort()),
    'redis-cluster': 'true',
  });
  await t.settled(hostile[0]!, 'RedisUnreachable');
  expect((await servedQueue()).status?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  expect(await t.redis.hget('bull:good:meta', 'concurrency')).toBe('3');
  for (const queue of hostile) await t.settled(queue, 'RedisUnreachable');
});

it('a Redis that takes connections and says nothing', async () => {
  await using silent = await startSilentServer();
  const hostile = await hostileQueues({ 'redis-host': '127.0.0.1', 'redis-port': String(silent.port) });
  await t.settled(hostile[0]!, 'RedisUnreachable');
  expect((await servedQueue()).status?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  expect(await t.redis.hget('bull:good:meta', 'concurrency')).toBe('3');
  for (const queue of hostile) await t.settled(queue, 'RedisUnreachable');
});

it('a server that announces more elements than an array can have, whatever it is asked', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.on('data', () => socket.write('*9999999999\r\n'));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const hostile = await hostileQueues({ 'redis-host': '127.0.0.1', 'redis-port': String(port) });
  for (const queue of hostile) await t.settled(queue, 'QueueUnreadable');
  expect((await servedQueue()).status?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  for (const socket of sockets) socket.destroy();
  server.close();
});
