import { RedisConnections } from '@redis-queue/bullmq';
import { systemClock } from '@redis-queue/controller';
import { CircuitBreakers, type QueueObject, type SecretObject } from '@redis-queue/redis-access';
import { startDelayingProxy, startRedis, type RedisServer } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QueueMetrics } from './metrics.ts';
import { ServerInfoCache } from './observe.ts';
import { QueueReader } from './queue-reader.ts';
import { SampledWrites } from './sampled-writes.ts';
import { QueueSampler } from './sampler.ts';
import { SamplingFailures } from './sampling-failures.ts';
import { queueObject } from './testing/queues.ts';

// Wall 2: a Redis that answers slowly costs its queues some samples, and not all of them.

let redis: RedisServer;
let connections: RedisConnections;
beforeAll(async () => {
  redis = await startRedis();
  connections = new RedisConnections();
});
afterAll(async () => {
  connections.close();
  await redis.stop();
});

function queuesNamed(count: number): QueueObject[] {
  return Array.from({ length: count }, (_, n) => queueObject({}, { name: `q${n}`, uid: `u${n}` }) as QueueObject);
}

/** A sampler of `queues` in the Redis at this address, and its metrics. */
function samplerOf(queues: QueueObject[], { host, port }: { host: string; port: number }) {
  const metadata = { namespace: 'shop', name: 'redis-credentials' };
  const data = { 'redis-host': btoa(host), 'redis-port': btoa(String(port)) };
  const secret: SecretObject = { apiVersion: 'v1', kind: 'Secret', metadata, data };
  const registry = new Registry();
  const sampler = new QueueSampler({
    sources: {
      clusterId: 'c1',
      connections,
      breakers: new CircuitBreakers({ slots: 4, now: () => performance.now() }),
      secrets: { reader: 'test', permittedSecrets: new Set(['redis-credentials']), secret: () => secret },
      queuesOf: () => [],
      readQueue: () => Promise.resolve('gone'),
      servers: new ServerInfoCache(),
      assertLeading: () => {},
    },
    metrics: new QueueMetrics(registry),
    listQueues: () => queues,
    writes: new SampledWrites({ clock: systemClock, write: () => Promise.resolve(), onError: () => {} }),
    sampling: new SamplingFailures(),
    onSamplingChange: () => {},
    onRoundFailed: () => {},
  });
  return { sampler, registry };
}

it('1,200 idle queues, 10 ms away, are all sampled in each round', async () => {
  await using far = await startDelayingProxy(redis, 10);
  const { sampler, registry } = samplerOf(queuesNamed(1_200), far);
  for (const round of [1, 2]) {
    await sampler.sampleAll();
    const { values } = await registry.getSingleMetric('redis_queue_paused')!.get();
    expect(values, `round ${round}`).toHaveLength(1_200);
  }
}, 60_000);

/** The names that one round reads; it fails after some steps, or ends. */
async function namesRead(reader: QueueReader, queues: QueueObject[], steps: number): Promise<string[]> {
  const names: string[] = [];
  const end = new AbortController();
  if (steps === 0) end.abort();
  const round = reader.read(connections.get(redis), {
    targetKey: 'one',
    queues,
    signal: end.signal,
    onFailed: () => {},
    onSampled: (sampled) => {
      names.push(...sampled.map(({ queue }) => queue.metadata.name));
      if (--steps === 0) end.abort();
    },
  });
  const outcome = await Promise.allSettled([round]);
  expect(outcome).toMatchObject([{ status: end.signal.aborted ? 'rejected' : 'fulfilled' }]);
  return names;
}

it('a round that is cut short keeps what it has read, and the next one begins where it ended', async () => {
  const reader = new QueueReader();
  const queues = queuesNamed(450);
  const rounds = [await namesRead(reader, queues, 1), await namesRead(reader, queues, 2)];
  rounds.push(await namesRead(reader, queues, Infinity));
  expect(rounds.map((names) => [names.length, names[0]])).toEqual([
    [200, 'q0'],
    [400, 'q200'],
    [450, 'q150'],
  ]);
});

it('a step with which a round fails at once is not what the next round begins with', async () => {
  const reader = new QueueReader();
  const queues = queuesNamed(250);
  expect(await namesRead(reader, queues, 0)).toEqual([]);
  const names = await namesRead(reader, queues, Infinity);
  expect([names.length, names[0]]).toEqual([250, 'q200']);
});
