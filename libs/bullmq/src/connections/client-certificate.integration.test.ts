import { readFileSync } from 'node:fs';
import {
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  temporaryFolder,
  tlsArguments,
  type KeyPair,
  type ServerTls,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { SteadyConnector } from '../redis/steady-connector.ts';
import type { Certificates } from './client-certificate.ts';
import { RedisConnections } from './connections.ts';
import { redisOptions } from './open-redis.ts';
import { classifyRedisError } from './errors.ts';
import { readInTime } from './read-in-time.ts';
import { parseCertificates } from './redis-secret.ts';
import { connectionKey, type RedisTarget } from './target.ts';

const folder = temporaryFolder('client-certificate');
const connections = new RedisConnections({ clientName: 'certificates' });
let ca: KeyPair;
let server: ServerTls;
/** Of a client that the servers know, of another one of the same authority, and of one that they do not know. */
let known: KeyPair;
let renewed: KeyPair;
let unknown: KeyPair;

beforeAll(async () => {
  const issue = (name: string, authority: KeyPair): Promise<KeyPair> =>
    issueCertificate(folder, name, name, authority, 'subjectAltName=IP:127.0.0.1');
  ca = await createAuthority(folder, 'ca', 'ca');
  const other = await createAuthority(folder, 'other', 'other');
  const pair = await issue('redis', ca);
  known = await issue('known', ca);
  renewed = await issue('renewed', ca);
  unknown = await issue('unknown', other);
  server = { ca: ca.certificate, ...pair, asksClients: true };
});
afterAll(() => connections.close());

const text = (path: string): string => readFileSync(path, 'utf8');
const encoded = (texts: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

const broken = '-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n';

/** The Secret of that client, as cert-manager writes it. */
const secretOf = ({ certificate, key }: KeyPair): Record<string, string> =>
  encoded({ 'ca.crt': text(ca.certificate), 'tls.crt': text(certificate), 'tls.key': text(key) });

function certificates(pair: KeyPair): Certificates {
  const read = parseCertificates(secretOf(pair));
  if (typeof read === 'string') throw new Error(read);
  return read;
}

/** Of a target whose client is that one. */
const keyOf = (pair: KeyPair): string => connectionKey({ host: 'h', port: 1, tls: certificates(pair) });

async function answerOf(target: RedisTarget): Promise<unknown> {
  try {
    return await readInTime(connections, target, { namespace: 'shop', timeoutMs: 5_000 }, (redis) =>
      redis.set('key', 'value'),
    );
  } catch (error) {
    return classifyRedisError(error).reason;
  } finally {
    connections.release(target);
  }
}

describe('Redis that asks its clients for a certificate', () => {
  test.each<[string, () => Promise<AsyncDisposable & { target: RedisTarget }>]>([
    [
      'a server',
      async () => {
        const port = await freePort();
        const redis = await startRedis({ args: tlsArguments(server, port) });
        return { target: { host: '127.0.0.1', port }, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
      },
    ],
    [
      'a primary and its Sentinel',
      async () => {
        const group = await startRedisSentinel({ tls: server });
        const { masterName, sentinel } = group;
        const target = { masterName, sentinels: [sentinel] };
        return { target, [Symbol.asyncDispose]: () => group[Symbol.asyncDispose]() };
      },
    ],
    [
      'a Redis Cluster',
      async () => {
        const cluster = await startRedisCluster(3, { tls: server });
        const target = { ...cluster.address, cluster: true };
        return { target, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
      },
    ],
  ])('%s lets those in that it knows, and no other', async (_, start) => {
    await using redis = await start();
    const as = (tls: Certificates): Promise<unknown> => answerOf({ ...redis.target, tls });
    expect(await as(certificates(known))).toBe('OK');
    expect(await as(certificates(renewed))).toBe('OK');
    expect(await as({ ca: text(ca.certificate) })).toBe('RedisUnreachable');
    expect(await as(certificates(unknown))).toBe('RedisUnreachable');
  });

  test('a refusal that comes behind the handshake fails what was asked, and nothing else', async () => {
    const port = await freePort();
    await using redis = await startRedis({ args: tlsArguments(server, port) });
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', note);
    const others = process.listeners('uncaughtException').filter((listener) => listener !== note);
    for (const listener of others) process.off('uncaughtException', listener);
    try {
      const target = { host: '127.0.0.1', port, tls: certificates(unknown) };
      for (let attempt = 0; attempt < 12; attempt++) {
        // oxlint-disable-next-line no-await-in-loop -- the same connection, opened again and again
        const refusal = await connections.get(target).ping().catch(classifyRedisError);
        expect(refusal).toMatchObject({ reason: 'RedisUnreachable' });
      }
      connections.release(target);
      const bus = new Redis({ ...redisOptions(target), Connector: SteadyConnector, retryStrategy: () => 10 });
      let refusals = 0;
      bus.on('error', () => refusals++);
      await eventually(() => refusals > 20);
      bus.disconnect();
    } finally {
      for (const listener of others) process.on('uncaughtException', listener);
      process.off('uncaughtException', note);
    }
    expect(uncaught).toEqual([]);
    expect(redis.lines.join('\n')).toMatch(/Error accepting a client connection/);
  });

  test('a renewed certificate is another target, so that its connections take the place of the old ones', () => {
    expect(keyOf(known)).toBe(keyOf(known));
    expect(keyOf(renewed)).not.toBe(keyOf(known));
  });
});

describe('a Secret of certificates', () => {
  test('may have an authority alone', () => {
    expect(parseCertificates(encoded({ 'ca.crt': text(ca.certificate) }))).toEqual({
      ca: text(ca.certificate).trim(),
    });
  });

  test.each<[string, () => Record<string, string>, string]>([
    ['nothing of it', () => ({ 'redis-url': 'redis://h' }), 'neither ca.crt nor tls.crt'],
    ['no key', () => ({ 'tls.crt': text(known.certificate) }), 'tls.crt and no tls.key'],
    [
      'no certificate',
      () => ({ 'ca.crt': text(ca.certificate), 'tls.key': text(known.key) }),
      'tls.key and no tls.crt',
    ],
    [
      'the key of another certificate',
      () => ({ 'tls.crt': text(known.certificate), 'tls.key': text(renewed.key) }),
      'tls.key is not the key of its tls.crt',
    ],
    ['a certificate that is none', () => ({ 'tls.crt': 'hunter2', 'tls.key': text(known.key) }), 'tls.crt is no'],
    ['a key that is none', () => ({ 'tls.crt': text(known.certificate), 'tls.key': 'hunter2' }), 'tls.key is no'],
    ['an authority that is none', () => ({ 'ca.crt': 'hunter2' }), 'ca.crt is no certificate'],
    [
      'a second block of the certificate that is broken',
      () => ({ 'tls.crt': `${text(known.certificate)}${broken}`, 'tls.key': text(known.key) }),
      'cannot be used',
    ],
    ['an authority of 100 kB', () => ({ 'ca.crt': 'h'.repeat(100_000) }), 'ca.crt has more than 64 kB'],
  ])('with %s is refused, and its values are not said', (_, texts, message) => {
    const read = parseCertificates(encoded(texts()));
    expect(read).toEqual(expect.stringContaining(message));
    expect(read).not.toContain('hunter2');
    expect(read).not.toContain('PRIVATE');
  });
});
