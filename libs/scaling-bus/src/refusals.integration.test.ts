import {
  ask,
  eventually,
  startProcess,
  startRedis,
  startRedisCluster,
  startSilentProxy,
  type ChildHandle,
  type RedisServer,
} from '@redis-queue/rig';
import type { RedisTarget } from '@redis-queue/bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUS_PREFIX, BUS_QUEUE } from './connection.ts';
import { createConsumer } from './consumer.ts';
import { SCHEMA_VERSION, type ScalingDecision } from './decision.ts';
import { createPublisher, type Publisher } from './publisher.ts';

// A bus that refuses what BullMQ's worker asks for, or is silent where that waits. One process consumes for all tenants.

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const addressOf = ({ host, port }: RedisServer): RedisTarget => ({ host, port });

const DECISION: Omit<ScalingDecision, 'sequence' | 'sampledAt' | 'expiresAt'> = {
  schemaVersion: SCHEMA_VERSION,
  pool: { namespace: 'shop', name: 'a', uid: 'uid-a', generation: 1 },
  epoch: 1,
  currentReplicas: 0,
  desiredReplicas: 1,
  reason: 'test',
  signals: [],
  confidence: 1,
};

let sequence = 0;

async function publish(publisher: Publisher): Promise<void> {
  const nowMs = await publisher.timeMs();
  await publisher.publish({ ...DECISION, sequence: ++sequence, sampledAt: nowMs, expiresAt: nowMs + 15_000 });
}

/** A consumer that notes what it saw, and how often the bus refused something. */
function consume(redis: RedisTarget) {
  const seen: number[] = [];
  const health: string[] = [];
  const errors: Error[] = [];
  const running = createConsumer({
    redis,
    handler: async (decision) => void seen.push(decision.sequence),
    observer: {
      connectionError: (error) => errors.push(error),
      health: (now) => health.push(typeof now === 'object' ? `${now.reason}: ${now.message}` : now),
    },
  });
  return { seen, health, errors, close: () => running.close(), [Symbol.asyncDispose]: () => running.close() };
}

/** Publishes newer and newer decisions until the consumer has one. */
async function arrives(publisher: Publisher, seen: readonly number[]): Promise<void> {
  const first = sequence;
  await eventually(
    async () => {
      await publish(publisher);
      return (seen.at(-1) ?? 0) > first;
    },
    { timeoutMs: 25_000, intervalMs: 100, description: 'a decision to arrive' },
  );
}

describe('a bus whose way takes connections and never says a word', () => {
  it('from the start is consumed within seconds once new connections work', async () => {
    await using proxy = await startSilentProxy(server.port);
    await using publisher = createPublisher({ redis: addressOf(server) });
    proxy.silenceNewConnections(true);
    await using consumer = consume({ host: proxy.host, port: proxy.port });
    await eventually(() => consumer.health.length > 0, { timeoutMs: 20_000, description: 'the bus to be lost' });
    proxy.silenceNewConnections(false);
    await arrives(publisher, consumer.seen);
    await eventually(() => consumer.health.length > 1, { timeoutMs: 20_000 });
    expect(consumer.health).toEqual([expect.stringMatching('RedisUnreachable'), 'works']);
  });

  it('for a while, on all connections, is consumed within seconds once new connections work', async () => {
    await using proxy = await startSilentProxy(server.port);
    await using publisher = createPublisher({ redis: addressOf(server) });
    await using consumer = consume({ host: proxy.host, port: proxy.port });
    await arrives(publisher, consumer.seen);
    proxy.silenceNewConnections(true);
    proxy.silenceConnections();
    // Long enough for BullMQ to give up its wait, and to begin a new one that is silent from the start.
    await eventually(() => proxy.silent >= 4, { timeoutMs: 30_000, description: 'new connections that are silent' });
    await eventually(() => consumer.health.length > 1, { timeoutMs: 30_000, description: 'the bus to be lost' });
    proxy.silenceNewConnections(false);
    await arrives(publisher, consumer.seen);
    await eventually(() => consumer.health.length > 2, { timeoutMs: 20_000 });
    expect(consumer.health).toEqual(['works', expect.stringMatching('RedisUnreachable'), 'works']);
  });
});

/** A user of the server that may do all but this. */
async function userWithout(name: string, rules: string): Promise<RedisTarget> {
  await ask(server, `ACL SETUSER ${name} reset on >pw ~* +@all ${rules}`);
  return { ...addressOf(server), username: name, password: 'pw' };
}

const refusals: Record<string, (stack: AsyncDisposableStack) => Promise<RedisTarget>> = {
  'a replica': async (stack) => {
    const replica = stack.use(await startRedis());
    await ask(replica, `REPLICAOF ${server.host} ${server.port}`);
    return addressOf(replica);
  },
  'a server without memory left': async (stack) => {
    const full = stack.use(await startRedis());
    await ask(full, 'CONFIG SET maxmemory 1');
    return addressOf(full);
  },
  'a server with another type at a key of the bus': async (stack) => {
    const odd = stack.use(await startRedis());
    await ask(odd, `SET ${BUS_PREFIX}:${BUS_QUEUE}:wait x`);
    return addressOf(odd);
  },
  'a node of a Redis Cluster that is taken for a server': async (stack) =>
    stack.use(await startRedisCluster(3)).address,
  'a Redis Cluster whose nodes announce one address': async (stack) => {
    const cluster = stack.use(await startRedisCluster(3));
    const primaries = cluster.shards.map(({ primary }) => primary);
    const { primary: ofBus } = await cluster.shardOf(`{${BUS_PREFIX}}:${BUS_QUEUE}`);
    const other = primaries.find(({ port }) => port !== ofBus.port)!;
    for (const each of primaries) await ask(each, `CONFIG SET cluster-announce-port ${other.port}`);
    // The nodes tell each other.
    const isAlone = async (): Promise<boolean> => {
      const slots = await ask(other, 'CLUSTER SLOTS');
      return primaries.every(({ port }) => port === other.port || !slots.includes(String(port)));
    };
    await eventually(isAlone, { timeoutMs: 20_000, description: 'the nodes to announce one address' });
    return { host: other.host, port: other.port, cluster: true };
  },
  'a user without scripts': () => userWithout('no-scripts', '-eval -evalsha'),
  'a user without the keys': () => userWithout('no-keys', 'resetkeys ~other:*'),
  'a user that may not write': () => userWithout('no-writes', '-@write'),
  'a user that may not wait': () => userWithout('no-waits', '-bzpopmin'),
  'a user that may not ask for the version': () => userWithout('no-info', '-info'),
};

it.concurrent.each(Object.entries(refusals))('%s is asked a few times per second at most', async (_, start) => {
  await using stack = new AsyncDisposableStack();
  await using consumer = consume(await start(stack));
  await eventually(() => consumer.errors.length > 0, { timeoutMs: 20_000, description: 'a refusal' });
  const [before, fromMs] = [consumer.errors.length, performance.now()];
  await eventually(() => performance.now() - fromMs > 3_000);
  expect((consumer.errors.length - before) / 3).toBeLessThan(4);
});

/** A process of the package whose clock is off by so many ms. */
function startAt(offMs: number, code: string): ChildHandle {
  const prelude = `
    import { createConsumer } from ${JSON.stringify(import.meta.resolve('./consumer.ts'))};
    import { createPublisher } from ${JSON.stringify(import.meta.resolve('./publisher.ts'))};
    const now = Date.now;
    Date.now = () => now() + ${offMs};
  `;
  return startProcess('node', ['--input-type=module', '-e', prelude + code]);
}

it.concurrent.each([
  { publisherMs: 300_000, consumerMs: 0 },
  { publisherMs: -300_000, consumerMs: 0 },
  { publisherMs: 0, consumerMs: 300_000 },
  { publisherMs: 0, consumerMs: -300_000 },
])('decisions come with clocks that are off: %j', async ({ publisherMs, consumerMs }) => {
  await using own = await startRedis();
  const redis = JSON.stringify(addressOf(own));
  const consumer = startAt(
    consumerMs,
    `createConsumer({ redis: ${redis}, handler: async ({ sequence }) => console.log('seen', sequence) });`,
  );
  const publisher = startAt(
    publisherMs,
    `
    const publisher = createPublisher({ redis: ${redis} });
    for (let sequence = 1; ; sequence++) {
      const sampledAt = await publisher.timeMs();
      await publisher.publish({ ...${JSON.stringify(DECISION)}, sequence, sampledAt, expiresAt: sampledAt + 15_000 });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    `,
  );
  try {
    expect(await consumer.waitForLine(/^seen \d/, { timeoutMs: 20_000 })).toContain('seen');
  } finally {
    await Promise.all([consumer.stop('SIGKILL'), publisher.stop('SIGKILL')]);
  }
});

it('a bus that took no writes for a while is consumed within seconds once it does', async () => {
  await using own = await startRedis();
  await using publisher = createPublisher({ redis: addressOf(own) });
  await using consumer = consume(addressOf(own));
  await arrives(publisher, consumer.seen);
  await ask(own, `REPLICAOF ${server.host} ${server.port}`);
  await eventually(() => consumer.errors.some(({ message }) => message.includes('READONLY')), { timeoutMs: 20_000 });
  const before = consumer.seen.length;
  await ask(own, 'REPLICAOF NO ONE');
  await arrives(publisher, consumer.seen);
  expect(consumer.seen.length).toBeGreaterThan(before);
});

it('a bus from which nothing is fetched, for whatever reason, does not count as one that works', async () => {
  await using own = await startRedis();
  await using publisher = createPublisher({ redis: addressOf(own) });
  await using consumer = consume(addressOf(own));
  await arrives(publisher, consumer.seen);
  await ask(own, `HSET ${BUS_PREFIX}:${BUS_QUEUE}:meta max 1 duration 600000`);
  await eventually(
    async () => {
      await publish(publisher);
      return consumer.health.at(-1)?.includes('no decision is fetched although some are due');
    },
    { timeoutMs: 30_000, intervalMs: 500, description: 'the bus to be lost' },
  );
  await ask(own, `HDEL ${BUS_PREFIX}:${BUS_QUEUE}:meta max duration`);
  await ask(own, `DEL ${BUS_PREFIX}:${BUS_QUEUE}:limiter`);
  await arrives(publisher, consumer.seen);
  await eventually(() => consumer.health.length > 2, { timeoutMs: 20_000 });
  expect(consumer.health).toEqual(['works', expect.stringMatching('RedisError'), 'works']);
});
