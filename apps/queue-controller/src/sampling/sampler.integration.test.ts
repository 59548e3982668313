import { redisSecretRef } from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import { systemClock } from '@redis-queue/controller';
import {
  CircuitBreakers,
  resolveRedis,
  type QueueObject,
  type SecretObject,
  type SecretSources,
} from '@redis-queue/redis-access';
import { startRedis, startRoughProxy, startSilentServer, type RedisServer } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { QueueMetrics } from '../metrics.ts';
import { observeQueue } from '../observe.ts';
import { ServerInfoCache } from '../access/server-info.ts';
import type { Sources } from '../access/sources.ts';
import { QueueReader } from './queue-reader.ts';
import { SampledWrites } from './sampled-writes.ts';
import { QueueSampler } from './sampler.ts';
import { SamplingFailures } from './sampling-failures.ts';
import { CONNECTION_LIMITS } from '../sources.ts';
import { queueObject } from '../testing/queues.ts';

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
function samplerOf(
  queues: QueueObject[],
  addresses: Readonly<Record<string, Address>>,
  others: Partial<Pick<Sources, 'connections' | 'secrets'>> = {},
) {
  const registry = new Registry();
  const written: string[] = [];
  const writes = new SampledWrites({
    clock: systemClock,
    write: ({ metadata }) => Promise.resolve(written.push(metadata.name)),
    onError: () => {},
    onHeld: () => {},
  });
  const sources: Sources = {
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
    ...others,
  };
  const sampler = new QueueSampler({
    sources,
    metrics: new QueueMetrics(registry),
    listQueues: () => queues,
    writes,
    sampling: new SamplingFailures(),
    onSamplingChange: () => {},
    onRoundFailed: () => {},
  });
  return { sampler, registry, sources, writes, written };
}

/** Of which queues metrics show what was sampled. */
async function shownQueues(registry: Registry): Promise<string[]> {
  const page = await registry.metrics();
  return [...page.matchAll(/^redis_queue_paused\{.*queue="([^"]+)"/gm)].map(([, name]) => name!);
}

it('1,200 idle queues, 10 ms away, are all sampled in each round', async () => {
  await using far = await startRoughProxy(redis.port, { delayMs: 10 });
  const { sampler, registry } = samplerOf(queuesNamed(1_200), { shop: { host: redis.host, port: far.port } });
  for (const round of [1, 2]) {
    await sampler.sampleAll();
    expect(await shownQueues(registry), `round ${round}`).toHaveLength(1_200);
  }
});

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
});

// Wall 1: the connections of one tenant are bounded in number, and cost others none.

const BAD = 300;
const GOOD = 50;
/** A tenant with 300 users of one Redis, and 50 tenants with one each. */
const tenants = [
  ...Array.from({ length: BAD }, (_, i) => ({ namespace: 'bad', user: i })),
  ...Array.from({ length: GOOD }, (_, i) => ({ namespace: `good-${i}`, user: BAD + i })),
].map(({ namespace, user }) => {
  const spec = { redis: { secretRef: { name: `user-${user}` } } };
  return queueObject(spec, { namespace, name: `q${user}`, uid: `u${user}` });
});

/** Any password logs in, and makes another user of it. */
function usersOf({ host, port }: Address): SecretSources {
  const texts = { 'redis-host': host, 'redis-port': String(port), 'redis-username': 'default' };
  return {
    reader: 'test',
    permittedSecrets: new Set(tenants.map((queue) => redisSecretRef(queue, 'controller').name)),
    secret: ({ namespace, name }) => {
      const data = Object.entries({ ...texts, 'redis-password': name }).map(([key, text]) => [key, btoa(text)]);
      const metadata = { ...(namespace !== undefined && { namespace }), name };
      return { apiVersion: 'v1', kind: 'Secret', metadata, data: Object.fromEntries(data) as Record<string, string> };
    },
  };
}

it('300 Redis users of one tenant are read, over as many connections as its share has, and 50 others keep theirs', async () => {
  const counted = new RedisConnections({ clientName: 'counted', limits: CONNECTION_LIMITS });
  const secrets = usersOf(redis);
  const { sampler, registry, sources } = samplerOf(tenants, {}, { connections: counted, secrets });
  const observer = connections.get(redis);
  const open = async (): Promise<number> => String(await observer.client('LIST')).split('name=counted').length - 1;
  const connectionsOfGood = () =>
    tenants.slice(BAD).map((queue) => {
      const access = resolveRedis(queue, 'controller', secrets);
      return access.ok && counted.get(access.target);
    });
  let most = 0;
  const stop = new AbortController();
  const watching = (async () => {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    while (!stop.signal.aborted) most = Math.max(most, await open());
  })();
  onTestFinished(() => stop.abort());
  let before: unknown[] | undefined;
  const sampled = new Set<unknown>();
  // On a machine that is busy, not all of the 300 have their turn in a round; the others do.
  for (let round = 1; round <= 2 || (sampled.size < BAD + GOOD && round < 10); round++) {
    await sampler.sampleAll();
    await Promise.all(tenants.map((queue) => observeQueue(queue, sources)));
    const names = await shownQueues(registry);
    for (const name of names) sampled.add(name);
    expect(names).toEqual(expect.arrayContaining(tenants.slice(BAD).map(({ metadata: { name } }) => name)));
    before ??= connectionsOfGood();
  }
  stop.abort();
  await watching;
  expect(sampled.size).toBe(BAD + GOOD);
  expect(connectionsOfGood().filter((connection, index) => connection !== before![index])).toHaveLength(0);
  // A connection that is closed is a moment later gone from the list.
  expect(most).toBeLessThanOrEqual(CONNECTION_LIMITS.perNamespace + GOOD + 20);
  await vi.waitFor(async () => expect(await open()).toBe(CONNECTION_LIMITS.perNamespace + GOOD));
  expect(counted.size).toBe(CONNECTION_LIMITS.perNamespace + GOOD);
  counted.close();
});

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
