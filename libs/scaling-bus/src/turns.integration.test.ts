import { openRedis } from '@redis-queue/bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { BUS_PREFIX, BUS_QUEUE } from './connection.ts';
import { createConsumer } from './consumer.ts';
import { SCHEMA_VERSION, type ScalingDecision } from './decision.ts';
import { createPublisher } from './publisher.ts';

// Wall 1: what is slow for one namespace's decisions delays no other's. Each test has a Redis of its own.

const servers: RedisServer[] = [];
beforeAll(async () => void servers.push(...(await Promise.all([startRedis(), startRedis(), startRedis()]))));
afterAll(() => Promise.all(servers.map((server) => server.stop())));

/** More pools than a consumer holds of one namespace. */
const POOLS = 500;

/** A bus, and a consumer of it for which the decisions of the namespace `noisy` hang until the gate opens. */
function stage(server: RedisServer) {
  const redis = { host: server.host, port: server.port };
  const publisher = createPublisher({ redis, timeoutMs: 30_000 });
  const gate = Promise.withResolvers<void>();
  const seen: ScalingDecision[] = [];
  const waits = new Set<string>();
  const failed: Error[] = [];
  const consume = () =>
    createConsumer({
      redis,
      concurrency: 24,
      observer: { failed: (error) => failed.push(error), waits: ({ name }) => waits.add(name) },
      handler: async (decision) => {
        seen.push(decision);
        if (decision.pool.namespace === 'noisy') await gate.promise;
      },
    });
  const publish = (namespace: string, name: string, sequence: number): Promise<void> =>
    publisher.publish({
      schemaVersion: SCHEMA_VERSION,
      pool: { namespace, name, uid: `${namespace}-${name}`, generation: 1 },
      epoch: 1,
      sequence,
      sampledAt: 0,
      expiresAt: Date.now() + 600_000,
      currentReplicas: 0,
      desiredReplicas: sequence,
      reason: 'test',
      signals: [],
      confidence: 1,
    });
  const pools = Array.from({ length: POOLS }, (_, n) => `pool-${n}`);
  const publishNoise = (sequence: number) => Promise.all(pools.map((name) => publish('noisy', name, sequence)));
  const newest = (namespace: string, name: string) =>
    seen.findLast(({ pool }) => pool.namespace === namespace && pool.name === name)?.sequence;
  return { redis, publisher, gate, seen, waits, failed, consume, publish, pools, publishNoise, newest };
}

it.concurrent('500 decisions of a namespace that hang delay nobody else, and none of them is lost', async () => {
  const { gate, seen, waits, failed, consume, publish, publisher, pools, publishNoise, newest } = stage(servers[0]!);
  await using _ = publisher;
  await publishNoise(1);
  await using consumer = consume();
  await eventually(() => waits.size > 100, { description: 'some of the namespace to find no room' });
  await eventually(() => seen.length === 8);
  await publish('calm', 'workers', 1);
  await eventually(() => newest('calm', 'workers') === 1, { timeoutMs: 1_000, description: 'the other namespace' });
  expect(seen).toHaveLength(9);
  gate.resolve();
  await eventually(() => pools.every((name) => newest('noisy', name) === 1), { description: 'all of the namespace' });
  expect([failed, consumer]).toEqual([[], expect.anything()]);
});

it.concurrent(
  'a decision that waits keeps its lock, and a newer one of its pool is acted on in its place',
  async () => {
    const { redis, gate, seen, consume, publisher, pools, publishNoise, newest } = stage(servers[1]!);
    await using _ = publisher;
    await publishNoise(1);
    await using consumer = consume();
    const admin = openRedis(redis);
    /** When the lock of each decision that is held expires. */
    const held = async (): Promise<Map<string, number>> => {
      const active = await admin.lrange(`${BUS_PREFIX}:${BUS_QUEUE}:active`, 0, -1);
      const locks = active.map((id) => admin.pexpiretime(`${BUS_PREFIX}:${BUS_QUEUE}:${id}:lock`));
      const times = await Promise.all(locks);
      return new Map(active.map((id, index) => [id, times[index]!]));
    };
    const before = await eventually(async () => {
      const locks = await held();
      return locks.size > 300 && locks;
    });
    await eventually(
      async () => {
        const now = await held();
        // One that found no room was given back meanwhile.
        const still = [...before].filter(([id]) => now.has(id));
        return still.length > 100 && still.every(([id, expiresMs]) => now.get(id)! > expiresMs);
      },
      { description: 'every lock to be renewed' },
    );
    await publishNoise(2);
    gate.resolve();
    await eventually(() => pools.every((name) => newest('noisy', name) === 2), { description: 'the newest of each' });
    // Only the eight that were begun before it was published, and what was fetched just before and hardly waited.
    expect(seen.filter(({ sequence }) => sequence === 1).length).toBeLessThan(pools.length / 10);
    expect(consumer).toBeDefined();
    admin.disconnect();
  },
);

it.concurrent('a consumer that closes gives back what waits, and another one acts on it', async () => {
  const { redis, gate, seen, waits, consume, publisher, pools, publishNoise, newest } = stage(servers[2]!);
  await using _ = publisher;
  await publishNoise(1);
  const first = consume();
  await eventually(() => waits.size > 100);
  const closed = first.close();
  const admin = openRedis(redis);
  await eventually(async () => (await admin.llen(`${BUS_PREFIX}:${BUS_QUEUE}:active`)) === 8, {
    timeoutMs: 2_000,
    description: 'only what is under way to be held',
  });
  gate.resolve();
  await closed;
  await using second = consume();
  await eventually(() => pools.every((name) => newest('noisy', name) === 1), { description: 'all of the namespace' });
  expect(new Set(seen.map(({ pool }) => pool.name)).size).toBe(POOLS);
  expect(second).toBeDefined();
  admin.disconnect();
});
