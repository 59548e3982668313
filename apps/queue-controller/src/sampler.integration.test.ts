import { RedisConnections } from '@redis-queue/bullmq';
import { systemClock } from '@redis-queue/controller';
import { CircuitBreakers, type QueueObject, type SecretObject } from '@redis-queue/redis-access';
import { startRedis, startRoughProxy, startSilentServer, type RedisServer } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
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

interface Address {
  readonly host: string;
  readonly port: number;
}

function secretOf({ host, port }: Address): SecretObject {
  const metadata = { namespace: 'shop', name: 'redis-credentials' };
  const data = { 'redis-host': btoa(host), 'redis-port': btoa(String(port)) };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data };
}

/** A sampler of `queues`, each in the Redis of its namespace, its metrics, and the queues whose samples are written. */
function samplerOf(queues: QueueObject[], addresses: Readonly<Record<string, Address>>) {
  const registry = new Registry();
  const written: string[] = [];
  const writes = new SampledWrites({
    clock: systemClock,
    write: ({ metadata }) => Promise.resolve(written.push(metadata.name)),
    onError: () => {},
  });
  const sampler = new QueueSampler({
    sources: {
      clusterId: 'c1',
      fence: 'f1',
      connections,
      breakers: new CircuitBreakers({ now: () => performance.now() }),
      secrets: {
        reader: 'test',
        permittedSecrets: new Set(['redis-credentials']),
        secret: ({ namespace }) => secretOf(addresses[namespace ?? '']!),
      },
      claimantsOf: () => [],
      readQueue: () => Promise.resolve('gone'),
      servers: new ServerInfoCache(),
      assertLeading: () => {},
    },
    metrics: new QueueMetrics(registry),
    listQueues: () => queues,
    writes,
    sampling: new SamplingFailures(),
    onSamplingChange: () => {},
    onRoundFailed: () => {},
  });
  return { sampler, registry, writes, written };
}

it('1,200 idle queues, 10 ms away, are all sampled in each round', async () => {
  await using far = await startRoughProxy(redis.port, { delayMs: 10 });
  const { sampler, registry } = samplerOf(queuesNamed(1_200), { shop: { host: redis.host, port: far.port } });
  for (const round of [1, 2]) {
    await sampler.sampleAll();
    const { values } = await registry.getSingleMetric('redis_queue_paused')!.get();
    expect(values, `round ${round}`).toHaveLength(1_200);
  }
}, 60_000);

it('a Redis that hangs does not put off what was read of another', async () => {
  await using silent = await startSilentServer();
  const queues = ['silent', 'shop'].map((namespace) => queueObject({}, { namespace, name: namespace, uid: namespace }));
  const addresses = { shop: redis, silent: { host: redis.host, port: silent.port } };
  const { sampler, writes, written } = samplerOf(queues, addresses);
  const stop = new AbortController();
  const writing = writes.run(stop.signal);
  let hasEnded = false;
  const round = sampler.sampleAll().then(() => (hasEnded = true));
  await vi.waitFor(() => expect(written).toEqual(['shop']), { timeout: 10_000 });
  expect(hasEnded).toBe(false);
  await round;
  stop.abort();
  await writing;
  expect(written).toEqual(['shop']);
}, 30_000);

/** The names that one round reads, which ends after some steps, and how it ends. */
async function readRound(reader: QueueReader, queues: QueueObject[], steps: number, end: 'fails' | 'stops' = 'stops') {
  const names: string[] = [];
  const failure = new AbortController();
  const round = reader.read(connections.get(redis), {
    targetKey: 'one',
    queues,
    signal: failure.signal,
    mayGoOn: () => end === 'fails' || steps > 0,
    onFailed: () => {},
    onSampled: (sampled) => {
      names.push(...sampled.map(({ queue }) => queue.metadata.name));
      if (--steps === 0 && end === 'fails') failure.abort();
    },
  });
  if (steps === 0) failure.abort();
  const complete = await round.catch(() => 'failed');
  return { complete, first: names[0], read: names.length };
}

it.each(['fails', 'stops'] as const)(
  'a round that %s early keeps what it has read, and the next one begins where it ended',
  async (end) => {
    const reader = new QueueReader();
    const queues = queuesNamed(450);
    const complete = end === 'fails' ? 'failed' : false;
    expect(await readRound(reader, queues, 1, end)).toEqual({ complete, first: 'q0', read: 200 });
    expect(await readRound(reader, queues, 2, end)).toEqual({ complete, first: 'q200', read: 400 });
    expect(await readRound(reader, queues, Infinity)).toEqual({ complete: true, first: 'q150', read: 450 });
  },
);

it('a step with which a round fails at once is not what the next round begins with', async () => {
  const reader = new QueueReader();
  const queues = queuesNamed(250);
  expect(await readRound(reader, queues, 0)).toEqual({ complete: 'failed', first: undefined, read: 0 });
  expect(await readRound(reader, queues, Infinity)).toEqual({ complete: true, first: 'q200', read: 250 });
});
