import { readFileSync } from 'node:fs';
import {
  ask,
  createAuthority,
  freePort,
  issueCertificate,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  temporaryFolder,
  tlsArguments,
  valkeyServer,
  type KeyPair,
  type RedisServer,
  type ServerTls,
} from '@redis-queue/rig';
import { Cluster, Redis } from 'ioredis';
import { newPasswords, ROLE_SECRETS, userCommands } from '../site/role-users.ts';

/** A Redis of one kind, and what leads there. */
export interface KindOfRedis extends AsyncDisposable {
  /** The Secrets of the namespace, by name, as texts by key. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** `spec.redis` of the Queue. */
  readonly redis: Readonly<Record<string, unknown>>;
  /** Flags of the apps that use the bus, which has the same Redis. */
  readonly busFlags: readonly string[];
  readonly prefix: string;
  /** With all rights. */
  connect(): Redis;
}

export const CREDENTIALS = 'redis-credentials';
export const CERTIFICATES = 'redis-tls-certs';
const BUS = 'redis-queue-bus';

type Texts = Readonly<Record<string, string>>;
const text = (path: string): string => readFileSync(path, 'utf8');

/** Certificates of one authority: a server's, and a client's as cert-manager keeps it. */
export class Certificates {
  readonly folder = temporaryFolder('kinds-of-redis');
  #ca: KeyPair | undefined;

  async issue(name: string, subjectAltName: string): Promise<KeyPair> {
    this.#ca ??= await createAuthority(this.folder, 'ca', 'ca');
    return await issueCertificate(this.folder, name, name, this.#ca, `subjectAltName=${subjectAltName}`);
  }

  get ca(): string {
    return this.#ca!.certificate;
  }

  async server(asksClients: boolean, subjectAltName = 'IP:127.0.0.1'): Promise<ServerTls> {
    return {
      ...(await this.issue(`server-${asksClients}-${subjectAltName}`.replaceAll(':', '-'), subjectAltName)),
      ca: this.ca,
      asksClients,
    };
  }

  async client(): Promise<Texts> {
    const { certificate, key } = await this.issue('client', 'IP:127.0.0.1');
    return { 'ca.crt': text(this.ca), 'tls.crt': text(certificate), 'tls.key': text(key) };
  }
}

/** What all kinds with a client certificate share. */
const MUTUAL = {
  redis: { tls: { enabled: true, secretRef: { name: CERTIFICATES } } },
  busFlags: ['--bus-tls=true', `--bus-tls-secret-name=${CERTIFICATES}`],
};

const plain = (server: RedisServer) => (): Redis => new Redis(server.url, { maxRetriesPerRequest: null });
const both = (credentials: Texts): Record<string, Texts> => ({ [CREDENTIALS]: credentials, [BUS]: credentials });

export const KINDS_OF_REDIS: Readonly<Record<string, (certificates: Certificates) => Promise<KindOfRedis>>> = {
  'TLS, private CA, server name': async (certificates) => {
    const port = await freePort();
    const tls = await certificates.server(false, 'DNS:redis.example');
    const server = await startRedis({ args: tlsArguments(tls, port) });
    const secret = { 'redis-host': '127.0.0.1', 'redis-port': String(port), 'redis-ca.crt': text(certificates.ca) };
    return {
      secrets: both(secret),
      redis: { tls: { enabled: true, serverName: 'redis.example' } },
      busFlags: ['--bus-tls=true', '--bus-tls-server-name=redis.example'],
      prefix: 'bull',
      connect: plain(server),
      [Symbol.asyncDispose]: () => server.stop(),
    };
  },
  'mutual TLS': async (certificates) => {
    const port = await freePort();
    const server = await startRedis({ args: tlsArguments(await certificates.server(true), port) });
    return {
      secrets: {
        ...both({ 'redis-url': `rediss://127.0.0.1:${port}` }),
        [CERTIFICATES]: await certificates.client(),
      },
      ...MUTUAL,
      prefix: 'bull',
      connect: plain(server),
      [Symbol.asyncDispose]: () => server.stop(),
    };
  },
  'a user per role': async () => {
    const server = await startRedis({ password: 'of-the-default-user' });
    const passwords = newPasswords();
    await ask(
      server,
      [`AUTH ${server.password}`, ...userCommands(passwords).map((words) => words.join(' '))].join('\r\n'),
    );
    const secretOf = (user: keyof typeof passwords): Texts => ({
      'redis-host': server.host,
      'redis-port': String(server.port),
      'redis-username': user,
      'redis-password': passwords[user],
    });
    const roles = ['controller', 'sampler', 'worker', 'backup', 'restore'];
    return {
      secrets: Object.fromEntries(Object.entries(ROLE_SECRETS).map(([name, user]) => [name, secretOf(user)])),
      redis: { secretRefs: Object.fromEntries(roles.map((role) => [role, { name: `redis-${role}` }])) },
      busFlags: [],
      prefix: 'bull',
      connect: plain(server),
      [Symbol.asyncDispose]: () => server.stop(),
    };
  },
  'Sentinels, mutual TLS': async (certificates) => {
    const tls = await certificates.server(true);
    const group = await startRedisSentinel({ password: 'pw', sentinelPassword: 'of-sentinels', tls });
    const { sentinel, masterName } = group;
    return {
      secrets: {
        ...both({
          'redis-sentinels': `${sentinel.host}:${sentinel.port}`,
          'redis-sentinel-master-name': masterName,
          'redis-sentinel-password': 'of-sentinels',
          'redis-password': 'pw',
        }),
        [CERTIFICATES]: await certificates.client(),
      },
      ...MUTUAL,
      prefix: 'bull',
      connect: plain(group.primary),
      [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
    };
  },
  'a Cluster, mutual TLS': async (certificates) => {
    const cluster = await startRedisCluster(3, { password: 'pw', tls: await certificates.server(true) });
    const { host, port } = cluster.address;
    const client = await certificates.client();
    return {
      secrets: {
        ...both({ 'redis-host': host, 'redis-port': String(port), 'redis-cluster': 'true', 'redis-password': 'pw' }),
        [CERTIFICATES]: client,
      },
      ...MUTUAL,
      redis: { ...MUTUAL.redis, prefix: '{shop}' },
      prefix: '{shop}',
      connect: () => {
        const tls = { ca: client['ca.crt']!, cert: client['tls.crt']!, key: client['tls.key']! };
        const redisOptions = { password: 'pw', tls, maxRetriesPerRequest: null };
        return new Cluster([{ host, port }], { redisOptions }) as unknown as Redis;
      },
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  },
  'Valkey 9': async () => {
    const server = await startRedis({ program: await valkeyServer(), password: 'pw' });
    return {
      secrets: both({ 'redis-url': server.url }),
      redis: {},
      busFlags: [],
      prefix: 'bull',
      connect: plain(server),
      [Symbol.asyncDispose]: () => server.stop(),
    };
  },
};
