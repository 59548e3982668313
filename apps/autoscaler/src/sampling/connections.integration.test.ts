import { RedisConnections } from '@redis-queue/bullmq';
import { eventually, startRedis } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { CONNECTION_LIMITS } from '../lead.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { buildTopology, type ScaledPool } from '../watching/topology.ts';
import { RedisSamplers } from './redis-samplers.ts';

// Wall 1: the connections of one tenant are bounded in number, those for wake-ups too, and cost others none.

const BAD = 100;
const GOOD = 20;
const NAME = 'redis-queue-autoscaler';
/** A tenant with 100 users of one Redis, and 20 tenants with one each, all at zero. */
const tenants = [
  ...Array.from({ length: BAD }, (_, i) => ({ namespace: 'bad', name: `q${i}` })),
  ...Array.from({ length: GOOD }, (_, i) => ({ namespace: `good-${i}`, name: `q${BAD + i}` })),
];

const isGood = ({ pools }: { pools: readonly string[] }): boolean => pools[0]!.startsWith('good');

it('100 Redis users of one tenant share its connections, and 20 others are woken by theirs', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const topology = buildTopology({
    pools: tenants.map(({ namespace, name }) => {
      const pool = aPool(name, [name]);
      return { ...pool, metadata: { ...pool.metadata, namespace } };
    }),
    queue: (namespace, name) => {
      const queue = aQueue(name, { redis: { secretRef: { name } } });
      return { ...queue, metadata: { ...queue.metadata, namespace } };
    },
    // Any password logs in, and makes another user of it.
    secrets: secretSources(
      (name) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name },
        data: { 'redis-url': btoa(`redis://default:${name}@${redis.host}:${redis.port}`) },
      }),
      tenants.map(({ name }) => name),
    ),
  });
  const connections = new RedisConnections({
    clientName: NAME,
    limits: { ...CONNECTION_LIMITS, keepMs: 1_000 },
    now: () => performance.now(),
  });
  onTestFinished(() => connections.close());
  const samplers = new RedisSamplers({
    connections,
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => {}, warn: () => {} },
    podStartMs: 2_000,
    now: () => Math.floor(performance.now()),
    host: {
      isAtZero: () => true,
      podStartMs: () => undefined,
      onRescheduled: () => {},
      onSampled: () => Promise.resolve(),
    },
  });
  onTestFinished(() => samplers.close());
  samplers.adopt(topology);
  const sampling = setInterval(() => samplers.sampleDue(), 20);
  onTestFinished(() => clearInterval(sampling));

  const observer = new RedisConnections().get(redis);
  onTestFinished(() => observer.disconnect());
  const open = async (name: string): Promise<number> =>
    String(await observer.client('LIST')).split(`name=${name} `).length - 1;
  const queues = [...topology.queues.values()];
  const live = (): number =>
    queues.filter((queue) => isGood(queue) && samplers.reader(queue.targetKey)?.wakeUpsLive === true).length;
  await eventually(() => live() === GOOD, { description: 'all good ones to be woken by their Redis' });
  const failures = (): (string | undefined)[] => queues.map(({ id }) => samplers.knowledge(id)?.failure);
  expect(failures().filter((failure, index) => failure !== undefined && isGood(queues[index]!))).toEqual([]);
  // Who has no turn says why: its pool keeps its size.
  const waits = (): number =>
    failures().filter((failure) => failure?.includes('waits for its turn') && failure.includes('namespace bad')).length;
  await eventually(() => waits() >= BAD - CONNECTION_LIMITS.perNamespace, { description: 'the others to wait' });
  await eventually(async () => (await open(`${NAME}:wakeups`)) === 16 + GOOD, {
    description: 'sixteen of the bad one',
  });
  expect(await open(`${NAME}:armer`)).toBe(16 + GOOD);
  expect(await open(NAME)).toBe(CONNECTION_LIMITS.perNamespace + GOOD);

  // Turns: others are read once those that are open have been open for a second, ten as it runs.
  const read = (): number => queues.filter(({ id }) => samplers.knowledge(id)?.latest !== undefined).length;
  await eventually(() => read() > CONNECTION_LIMITS.perNamespace + GOOD, {
    description: 'another turn',
    timeoutMs: 30_000,
  });
  expect(await open(NAME)).toBeLessThanOrEqual(CONNECTION_LIMITS.perNamespace + GOOD + 5);
});

it('pods of a pool whose Queues have two users of one server are counted once', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const users = ['one', 'other'];
  const topology = buildTopology({
    pools: [aPool('both', users), aPool('single', ['one'])],
    queue: (_, name) => aQueue(name, { redis: { secretRef: { name } } }),
    secrets: secretSources((name) => aSecret(`redis://default:${name}@${redis.host}:${redis.port}`, name), users),
  });
  const connections = new RedisConnections({ clientName: NAME, limits: CONNECTION_LIMITS });
  onTestFinished(() => connections.close());
  const samplers = new RedisSamplers({
    connections,
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => {}, warn: () => {} },
    podStartMs: 600_000,
    now: () => Math.floor(performance.now()),
    host: {
      isAtZero: () => false,
      podStartMs: () => undefined,
      onRescheduled: () => {},
      onSampled: () => Promise.resolve(),
    },
  });
  onTestFinished(() => samplers.close());
  samplers.adopt(topology);
  const sampling = setInterval(() => samplers.sampleDue(), 20);
  onTestFinished(() => clearInterval(sampling));
  const [both, single] = ['both', 'single'].map((name) => topology.pools.get(`team/${name}`)!) as [
    ScaledPool,
    ScaledPool,
  ];
  await eventually(
    () =>
      samplers.largestSize(both, { replicas: 0 }) !== undefined &&
      samplers.largestSize(single, { replicas: 0 }) !== undefined,
    {
      description: 'both users to have read what the server takes',
    },
  );
  clearInterval(sampling);
  const before = samplers.largestSize(single, { replicas: 0 })!;
  samplers.decided(both, 0);
  samplers.decided(both, 40);
  // Seven connections per pod with two Queues, and four per pod with one.
  const taken = before - samplers.largestSize(single, { replicas: 0 })!;
  expect(taken).toBeGreaterThanOrEqual(69);
  expect(taken).toBeLessThanOrEqual(71);
});
