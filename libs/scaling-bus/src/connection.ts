import { FAIL_FAST, reconnectWhenSilent, requireDatabase, retryAfterMs, SteadyConnector } from '@redis-queue/bullmq';
import { Redis, type RedisOptions } from 'ioredis';

/** How to reach the bus's Redis. Holds secrets: never log it. */
export type BusRedisOptions = Pick<RedisOptions, 'host' | 'port' | 'username' | 'password' | 'db' | 'tls'>;

export type BusEnvironment = Readonly<Record<string, string | undefined>>;

/** All keys of the bus begin with it, so that a Redis user can be confined to `~redis-queue:*`. */
export const BUS_PREFIX = 'redis-queue';
export const BUS_QUEUE = 'scaling-decisions';
/** The least that Redis ACL rules have to allow the user that publishes and consumes; a test uses exactly this text. */
export const BUS_ACL_RULES =
  '~redis-queue:* +@read +@write +multi +exec +eval +evalsha +time +ping +select +client|setname -@dangerous +info';

const DEFAULT_PORT = 6379;

/** What says where the bus is: variable of the environment, key of a Secret. */
const NAMES = {
  url: ['BUS_REDIS_URL', 'redis-url'],
  host: ['BUS_REDIS_HOST', 'redis-host'],
  port: ['BUS_REDIS_PORT', 'redis-port'],
  db: ['BUS_REDIS_DB', 'redis-db'],
  username: ['BUS_REDIS_USERNAME', 'redis-username'],
  password: ['BUS_REDIS_PASSWORD', 'redis-password'],
  ca: ['BUS_REDIS_CA', 'redis-ca.crt'],
} as const;
type Field = keyof typeof NAMES;
const variableOf = (field: Field): string => NAMES[field][0];
const keyOf = (field: Field): string => NAMES[field][1];

/** What says again what the URL says; as in the Secrets of Queues, neither wins in silence. */
const BESIDE_URL = ['host', 'port', 'db'] as const;

/** Where the texts come from, and what each is called there. */
interface BusTexts {
  readonly read: (field: Field) => string | undefined;
  readonly nameOf: (field: Field) => string;
  /** Whether TLS was asked for, whatever the URL says, and by which setting it is. */
  readonly tls: boolean;
  readonly tlsSetting: string;
}

/**
 * How to reach the bus, from the environment: `BUS_REDIS_URL`, or host, port, database, user and password one by one; the
 * latter two override those of the URL. `BUS_REDIS_TLS=true` or a rediss:// URL encrypts, `BUS_REDIS_CA` is a PEM authority.
 *
 * @returns undefined when neither URL nor host is set: no bus is configured.
 * @throws Error that names the variable at fault and never repeats a value.
 */
export function busRedisFromEnvironment(env: BusEnvironment): BusRedisOptions | undefined {
  const read = (field: Field): string | undefined => env[variableOf(field)];
  if (!read('url') && !read('host')) return undefined;
  return busRedis({ read, nameOf: variableOf, tls: env.BUS_REDIS_TLS === 'true', tlsSetting: 'BUS_REDIS_TLS=true' });
}

/**
 * The same from the data of a Secret (base64): `redis-url`, or `redis-host` and so on, `redis-ca.crt`.
 *
 * @param tls whether to encrypt, whatever the URL says.
 * @throws Error that names the key at fault and never repeats a value.
 */
export function busRedisFromSecret(data: Readonly<Record<string, string>> = {}, tls = false): BusRedisOptions {
  const read = (field: Field): string =>
    Buffer.from(data[keyOf(field)] ?? '', 'base64')
      .toString('utf8')
      .trim();
  if (!read('url') && !read('host')) throw new Error('it has neither redis-url nor redis-host; add one of them');
  return busRedis({
    read,
    nameOf: keyOf,
    tls,
    tlsSetting: 'the Helm value bus.tls.enabled (global.bus.tls.enabled of the chart redis-queue)',
  });
}

function busRedis(texts: BusTexts): BusRedisOptions {
  const { read, nameOf, tls, tlsSetting } = texts;
  const other = read('url') ? BESIDE_URL.find((field) => read(field)) : undefined;
  if (other) throw new Error(`${nameOf('url')} and ${nameOf(other)} both say where the bus is; remove one of them`);
  const url = read('url') ? parseUrl(texts) : undefined;
  const host = (url?.hostname || read('host') || '').replace(/^\[(.*)\]$/, '$1');
  const ofUrl = { username: decode(url?.username, texts), password: decode(url?.password, texts) };
  const username = read('username') || ofUrl.username;
  const password = read('password') || ofUrl.password;
  const encrypted = url?.protocol === 'rediss:' || tls;
  const ca = read('ca');
  // Who gives an authority expects TLS: without it the password would travel in plain text.
  if (ca && !encrypted)
    throw new Error(`${nameOf('ca')} is only for TLS, which is not turned on; use a rediss:// URL or ${tlsSetting}`);
  return {
    host,
    port: parsePort(url ? url.port : read('port'), texts),
    db: url ? parsePath(url, texts) : parseDatabase(texts),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(encrypted ? { tls: { servername: host, ...(ca ? { ca } : {}) } } : {}),
  };
}

/** A connection that comes back by itself, also from a server that fell silent. */
export function openConnection(redis: BusRedisOptions, name: string, options: RedisOptions = {}): Redis {
  const connection = new Redis({
    Connector: SteadyConnector,
    ...redis,
    ...FAIL_FAST,
    protocol: 2, // as connections to queues
    connectionName: name,
    retryStrategy: retryAfterMs,
    ...options,
  });
  connection.on('error', () => {}); // Each command rejects by itself; an unhandled event would end the process.
  requireDatabase(connection);
  reconnectWhenSilent(connection);
  return connection;
}

/** The time of the bus's Redis, ms since 1970: the one clock that publisher and consumer share. */
export async function redisTimeMs(connection: Redis): Promise<number> {
  const [seconds, microseconds] = await connection.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

function parseUrl({ read, nameOf }: BusTexts): URL {
  const url = URL.parse(read('url') ?? '');
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || !url.hostname) {
    throw new Error(`${nameOf('url')} is not a URL such as redis://user:password@host:6379 (its content is not shown)`);
  }
  return url;
}

function decode(text: string | undefined, { nameOf }: BusTexts): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    const message = `the user or password in ${nameOf('url')} is not percent-encoded; set ${nameOf('password')} instead`;
    throw new Error(message);
  }
}

function parsePort(text: string | undefined, { nameOf }: BusTexts): number {
  const port = Number(text || DEFAULT_PORT);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error(`the port of the bus (${nameOf('port')}) is not a number from 1 to 65535`);
}

function parsePath({ pathname }: URL, { nameOf }: BusTexts): number {
  const database = Number(pathname.slice(1));
  if (Number.isInteger(database) && database >= 0) return database;
  throw new Error(`the path of ${nameOf('url')} is not a database number such as /0`);
}

function parseDatabase({ read, nameOf }: BusTexts): number {
  const text = read('db') || '0';
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`the database of the bus (${nameOf('db')}) is not a number such as 0`);
}
