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
  /** Ends the server that has the bus, where another one takes over. */
  readonly failOver?: () => Promise<void>;
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
        await primary.kill9();
      },
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
        await primary.kill9();
      },
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  },
};

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
    await using bus = await start();
    for (const each of bus.servers) {
      const user = `ACL SETUSER bus reset on >pw resetchannels ${BUS_ACL_RULES}`;
      // oxlint-disable-next-line no-await-in-loop -- one server after the other
      expect(await ask(each, `${user}\r\nACL LOG RESET`)).toContain('OK');
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
      await bus.failOver();
      await arrives(publisher, seen);
    }
    await consumer.close();
    expect([...problems]).toEqual([]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    const logs = await Promise.all(bus.servers.map((each) => ask(each, 'ACL LOG').catch(() => '')));
    expect(logs.filter((log) => log.includes('reason'))).toEqual([]);
  });
});
