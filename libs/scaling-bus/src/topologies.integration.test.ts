import { readFileSync } from 'node:fs';
import type { Certificates, RedisTarget } from '@redis-queue/bullmq';
import {
  ask,
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  temporaryFolder,
  tlsArguments,
  untilReplicated,
  type KeyPair,
  type RedisServer,
  type ServerTls,
} from '@redis-queue/rig';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUS_ACL_RULES, BUS_QUEUE, busPrefix } from './connection.ts';
import { createConsumer } from './consumer.ts';
import { SCHEMA_VERSION } from './decision.ts';
import { createPublisher, type Publisher } from './publisher.ts';

// Every kind of Redis that has the bus asks for a client certificate here, and knows a user with just the rights of the docs.

const folder = temporaryFolder('bus-tls');
const LOGIN = { username: 'bus', password: 'pw' };
const text = (path: string): string => readFileSync(path, 'utf8');
const tlsOf = ({ certificate, key }: KeyPair, authority: KeyPair): Certificates => ({
  ca: text(authority.certificate),
  cert: text(certificate),
  key: text(key),
});
let server: ServerTls;
let known: Certificates;
/** Of another authority, also as far as it trusts. */
let stranger: Certificates;

beforeAll(async () => {
  const issue = (name: string, authority: KeyPair): Promise<KeyPair> =>
    issueCertificate(folder, name, name, authority, 'subjectAltName=IP:127.0.0.1');
  const ca = await createAuthority(folder, 'ca', 'ca');
  const other = await createAuthority(folder, 'other', 'other');
  server = { ca: ca.certificate, ...(await issue('redis', ca)), asksClients: true };
  known = tlsOf(await issue('known', ca), ca);
  stranger = tlsOf(await issue('stranger', other), other);
});

interface Bus extends AsyncDisposable {
  readonly target: RedisTarget;
  readonly servers: readonly RedisServer[];
  /** Freezes the server that has the bus, which closes no connection, where another one takes over. */
  readonly failOver?: () => Promise<void>;
  readonly thaw?: () => void;
}

const kinds: Record<string, () => Promise<Bus>> = {
  'a server': async () => {
    const port = await freePort();
    const redis = await startRedis({ args: tlsArguments(server, port) });
    const target = { host: '127.0.0.1', port };
    return { target, servers: [redis], [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  },
  'a primary and its Sentinel': async () => {
    const group = await startRedisSentinel({ tls: server });
    const { masterName, sentinel, primary, replica } = group;
    return {
      target: { masterName, sentinels: [sentinel] },
      servers: [primary, replica],
      failOver: async () => {
        await untilReplicated(primary, replica);
        process.kill(primary.pid, 'SIGSTOP');
      },
      thaw: () => void process.kill(primary.pid, 'SIGCONT'),
      [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
    };
  },
  'a Redis Cluster': async () => {
    const cluster = await startRedisCluster(3, { tls: server, replicas: true, nodeTimeoutMs: 1_500 });
    const target = { ...cluster.address, cluster: true };
    const { primary, replica } = await cluster.shardOf(`${busPrefix(target)}:${BUS_QUEUE}`);
    return {
      target,
      servers: cluster.shards.flatMap(({ primary: one, replica: other }) => [one, other!]),
      failOver: async () => {
        await untilReplicated(primary, replica!);
        process.kill(primary.pid, 'SIGSTOP');
      },
      thaw: () => void process.kill(primary.pid, 'SIGCONT'),
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  },
};

const addUser = async (to: RedisServer): Promise<void> =>
  void (await ask(to, `ACL SETUSER bus reset on >pw resetchannels ${BUS_ACL_RULES}`));

let sequence = 0;

/** Publishes new decisions until the consumer has one of them, as the autoscaler does at each tick. */
async function arrives(publisher: Publisher, seen: readonly number[]): Promise<void> {
  const first = sequence;
  const publish = async (): Promise<boolean> => {
    const nowMs = await publisher.timeMs();
    await publisher.publish({
      schemaVersion: SCHEMA_VERSION,
      pool: { namespace: 'shop', name: 'a', uid: 'uid-a', generation: 1 },
      epoch: 1,
      sequence: ++sequence,
      sampledAt: nowMs,
      expiresAt: nowMs + 15_000,
      currentReplicas: 0,
      desiredReplicas: 1,
      reason: 'test',
      signals: [],
      confidence: 1,
    });
    return (seen.at(-1) ?? 0) > first;
  };
  await eventually(publish, { timeoutMs: 60_000, intervalMs: 200, description: 'a decision to arrive' });
}

/** Waits until a consumer that trusts somebody else says that the certificate of Redis is refused. */
async function refuses(redis: RedisTarget): Promise<void> {
  const said: string[] = [];
  await using _ = createConsumer({
    redis,
    handler: () => Promise.resolve(),
    observer: { health: (health) => void said.push(typeof health === 'object' ? health.message : health) },
  });
  const isRefused = (): boolean => {
    if (said.at(-1)?.includes('not signed by an authority that is known here')) return true;
    throw new Error(`it says ${said.join('; ') || 'nothing'}`);
  };
  await eventually(isRefused, { timeoutMs: 20_000, description: 'the certificate to be refused' });
}

describe.each(Object.entries(kinds))('the bus on %s', (_, start) => {
  it('is used with a client certificate and the rights of the docs, also after a failover, and not without', async () => {
    await using stack = new AsyncDisposableStack();
    const bus = stack.use(await start());
    for (const each of bus.servers) {
      // oxlint-disable-next-line no-await-in-loop -- one server after the other
      await addUser(each);
      // oxlint-disable-next-line no-await-in-loop
      await ask(each, 'ACL LOG RESET');
    }
    const redis = { ...bus.target, ...LOGIN, tls: known };
    const seen: number[] = [];
    await using publisher = createPublisher({ redis });
    const problems = new Set<string>();
    await using consumer = createConsumer({
      redis,
      handler: async (decision) => void seen.push(decision.sequence),
      observer: {
        dropped: (reason) => void problems.add(reason),
        failed: (error) => void problems.add(error.message),
      },
    });
    await arrives(publisher, seen);
    await refuses({ ...redis, tls: stranger });
    if (bus.failOver) {
      stack.defer(() => bus.thaw?.()); // a frozen server could not be stopped
      await bus.failOver();
      await arrives(publisher, seen);
      bus.thaw?.();
    }
    await consumer.close();
    expect([...problems]).toEqual([]);
    const logs = await Promise.all(bus.servers.map((each) => ask(each, 'ACL LOG').catch(() => '')));
    expect(logs.filter((log) => log.includes('reason'))).toEqual([]);
  });
});

it('on a Redis Cluster whose nodes do not all know the user of the bus, yet, nothing spins, and the bus works when they do', async () => {
  await using cluster = await startRedisCluster(5);
  const target = { ...cluster.address, cluster: true };
  const [first, ...others] = cluster.shards.map(({ primary }) => primary);
  const ofBus = (await cluster.shardOf(`${busPrefix(target)}:${BUS_QUEUE}`)).primary;
  for (const each of new Set([first!, ofBus])) {
    // oxlint-disable-next-line no-await-in-loop -- two at most
    await addUser(each);
  }
  const redis = { ...target, ...LOGIN };
  const seen: number[] = [];
  let errors = 0;
  await using publisher = createPublisher({ redis, timeoutMs: 2_000 });
  const consumers = new AsyncDisposableStack();
  await using _ = consumers;
  // A few: each asks a node at random for its version.
  for (let count = 0; count < 4; count++) {
    consumers.use(
      createConsumer({
        redis,
        handler: async (decision) => void seen.push(decision.sequence),
        observer: { connectionError: () => void errors++ },
      }),
    );
  }
  await eventually(() => errors > 0, { timeoutMs: 20_000, description: 'a refusal' });
  const [before, fromMs] = [errors, performance.now()];
  await eventually(() => performance.now() - fromMs > 2_000);
  expect(errors - before).toBeLessThan(100);
  await Promise.all(others.filter((each) => each !== ofBus).map(addUser));
  await arrives(publisher, seen);
});
