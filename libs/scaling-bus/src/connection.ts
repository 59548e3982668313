import {
  openRedis,
  parseCertificates,
  readerOf,
  readRedis,
  reconnectWhenSilent,
  type Certificates,
  type RedisTarget,
  type RedisWords,
  type TlsSettings,
} from '@redis-queue/bullmq';
import type { Redis, RedisOptions } from 'ioredis';

export type BusEnvironment = Readonly<Record<string, string | undefined>>;

/** All keys of the bus begin with it, so that a Redis user can be confined to `~redis-queue:*`. */
export const BUS_PREFIX = 'redis-queue';
export const BUS_QUEUE = 'scaling-decisions';
/**
 * The least that Redis ACL rules have to allow the user that publishes and consumes; a test uses exactly this text. What
 * names `cluster`, `{redis-queue}` and the three after it is for a Redis Cluster.
 */
export const BUS_ACL_RULES =
  '~redis-queue:* ~{redis-queue}:* +@read +@write +multi +exec +eval +evalsha +time +ping +select +client|setname -@dangerous +info +cluster|slots +cluster|info +asking +readonly +readwrite';

/** BullMQ's prefix of the bus: in a Redis Cluster all its keys lie in one slot. */
export function busPrefix({ cluster = false }: RedisTarget): string {
  return cluster ? `{${BUS_PREFIX}}` : BUS_PREFIX;
}

/** Variables of the environment that stand for the keys of the Secret. */
const VARIABLES: Readonly<Record<string, string>> = {
  'redis-url': 'BUS_REDIS_URL',
  'redis-host': 'BUS_REDIS_HOST',
  'redis-port': 'BUS_REDIS_PORT',
  'redis-db': 'BUS_REDIS_DB',
  'redis-username': 'BUS_REDIS_USERNAME',
  'redis-password': 'BUS_REDIS_PASSWORD',
  'redis-cluster': 'BUS_REDIS_CLUSTER',
  'redis-sentinels': 'BUS_REDIS_SENTINELS',
  'redis-sentinel-master-name': 'BUS_REDIS_SENTINEL_MASTER_NAME',
  'redis-sentinel-username': 'BUS_REDIS_SENTINEL_USERNAME',
  'redis-sentinel-password': 'BUS_REDIS_SENTINEL_PASSWORD',
  'redis-ca.crt': 'BUS_REDIS_CA',
};
const variableOf = (key: string): string => VARIABLES[key] ?? key;

/** What messages call the settings for TLS to the bus; those of the chart redis-queue stand below `global`. */
export const BUS_TLS: TlsSettings = {
  secretRef: 'the Helm value bus.tls.secretName',
  serverName: 'the Helm value bus.tls.serverName',
};

const OF_ENVIRONMENT: RedisWords = {
  holder: 'the environment',
  nameOf: variableOf,
  itsKey: variableOf,
  turnTlsOn: 'set BUS_REDIS_TLS=true',
  ...BUS_TLS,
};

/** Messages begin with the Secret's name. */
const OF_SECRET: RedisWords = {
  holder: 'it',
  nameOf: (key) => key,
  itsKey: (key) => key,
  turnTlsOn: 'set the Helm value bus.tls.enabled (global.bus.tls.enabled of the chart redis-queue)',
  ...BUS_TLS,
};

/**
 * How to reach the bus, from the environment: `BUS_REDIS_URL`, `BUS_REDIS_HOST` and so on, as the keys of a Secret are
 * read. `BUS_REDIS_TLS=true` or a rediss:// URL encrypts, `BUS_REDIS_CA` is a PEM authority.
 *
 * @returns undefined when neither URL, host nor Sentinels are set: no bus is configured.
 * @throws Error that names the variable at fault and never repeats a value.
 */
export function busRedisFromEnvironment(env: BusEnvironment): RedisTarget | undefined {
  const read = (key: string): string | undefined => env[variableOf(key)] || undefined;
  if (!['redis-url', 'redis-host', 'redis-sentinels'].some(read)) return undefined;
  return orThrow(readRedis(read, { enabled: env.BUS_REDIS_TLS === 'true' }, {}, OF_ENVIRONMENT));
}

export interface BusTls {
  /** Whether to encrypt, whatever the URL says. */
  readonly enabled: boolean;
  /** Expected in the server's certificate, where that is not the host. */
  readonly serverName?: string | undefined;
  /** Of the Secret of certificates, where one is named. */
  readonly certificates?: Certificates | undefined;
}

/**
 * The same from the data of a Secret (base64), with the keys that the Secrets of Queues have.
 *
 * @throws Error that names the key at fault and never repeats a value.
 */
export function busRedisFromSecret(
  data: Readonly<Record<string, string>> = {},
  { enabled, serverName, certificates }: BusTls = { enabled: false },
): RedisTarget {
  const tls = {
    enabled,
    ...(serverName !== undefined && { serverName }),
    ...(certificates && { secretRef: { name: '' } }),
  };
  return orThrow(readRedis(readerOf(data), tls, certificates ?? {}, OF_SECRET));
}

/** What the Secret of certificates holds. @throws Error that names the key at fault and never repeats a value. */
export function busCertificatesFromSecret(data: Readonly<Record<string, string>> = {}): Certificates {
  return orThrow(parseCertificates(data, BUS_TLS.secretRef));
}

function orThrow<T extends object>(read: T | string): T {
  if (typeof read === 'string') throw new Error(read);
  return read;
}

/** A connection to the bus that comes back by itself, also from a server, or a node of a Cluster, that fell silent. */
export function openBus(redis: RedisTarget, options: RedisOptions): Redis {
  const connection = openRedis(redis, options);
  if (redis.cluster === true) connection.on('+node', (node: Redis) => reconnectWhenSilent(node));
  return connection;
}

/**
 * The time of the bus's Redis, ms since 1970: the one clock that publisher and consumer share. In a Redis Cluster it is
 * that of the node that has the bus.
 */
export async function redisTimeMs(connection: Redis, redis: RedisTarget): Promise<number> {
  const key = `${busPrefix(redis)}:${BUS_QUEUE}:meta`;
  const time = redis.cluster
    ? ((await connection.eval("return redis.call('TIME')", 1, key)) as [string, string])
    : await connection.time();
  const [seconds, microseconds] = time.map(Number) as [number, number];
  return seconds * 1_000 + Math.floor(microseconds / 1_000);
}

/** How many decisions may be fetched. @param nowMs of this process' clock, as BullMQ has it, ms since 1970 */
export async function dueDecisions(connection: Redis, redis: RedisTarget, nowMs: number): Promise<number> {
  const keyOf = (suffix: string): string => `${busPrefix(redis)}:${BUS_QUEUE}:${suffix}`;
  const [waiting, delayed] = await Promise.all([
    connection.llen(keyOf('wait')),
    // BullMQ's score is the time in ms at which it is due, times 4,096
    connection.zcount(keyOf('delayed'), 0, nowMs * 0x1000),
  ]);
  return waiting + delayed;
}
