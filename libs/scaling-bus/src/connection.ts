import { FAIL_FAST, reconnectWhenSilent, retryAfterMs } from '@redis-queue/bullmq';
import { Redis, type RedisOptions } from 'ioredis';

/** How to reach the bus's Redis. Holds secrets: never log it. */
export type BusRedisOptions = Pick<RedisOptions, 'host' | 'port' | 'username' | 'password' | 'db' | 'tls'>;

export type BusEnvironment = Readonly<Record<string, string | undefined>>;

/** All keys of the bus begin with it, so that a Redis user can be confined to `~redis-queue:*`. */
export const BUS_PREFIX = 'redis-queue';
export const BUS_QUEUE = 'scaling-decisions';
/** The least that Redis ACL rules have to allow the user that publishes and consumes; a test uses exactly this text. */
export const BUS_ACL_RULES =
  '~redis-queue:* +@read +@write +multi +exec +eval +evalsha +time +ping +client|setname -@dangerous +info';

const DEFAULT_PORT = 6379;

/**
 * How to reach the bus, from the environment: `BUS_REDIS_URL`, or host, port, user and password one by one; the latter
 * two override those of the URL. `BUS_REDIS_TLS=true` or a rediss:// URL encrypts, `BUS_REDIS_CA` is a PEM authority.
 *
 * @returns undefined when neither URL nor host is set: no bus is configured.
 * @throws Error that names the variable at fault and never repeats a value.
 */
export function busRedisFromEnvironment(env: BusEnvironment): BusRedisOptions | undefined {
  if (!env.BUS_REDIS_URL && !env.BUS_REDIS_HOST) return undefined;
  const url = env.BUS_REDIS_URL ? parseUrl(env.BUS_REDIS_URL) : undefined;
  const host = (url?.hostname || env.BUS_REDIS_HOST!).replace(/^\[(.*)\]$/, '$1');
  const username = env.BUS_REDIS_USERNAME || decode(url?.username);
  const password = env.BUS_REDIS_PASSWORD || decode(url?.password);
  const encrypted = url?.protocol === 'rediss:' || env.BUS_REDIS_TLS === 'true';
  return {
    host,
    port: parsePort(url ? url.port : env.BUS_REDIS_PORT),
    db: parseDatabase(url?.pathname),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(encrypted ? { tls: { servername: host, ...(env.BUS_REDIS_CA ? { ca: env.BUS_REDIS_CA } : {}) } } : {}),
  };
}

/** A connection that comes back by itself, also from a server that fell silent. */
export function openConnection(redis: BusRedisOptions, name: string, options: RedisOptions = {}): Redis {
  const connection = new Redis({
    ...redis,
    ...FAIL_FAST,
    connectionName: name,
    retryStrategy: retryAfterMs,
    ...options,
  });
  connection.on('error', () => {}); // Each command rejects by itself; an unhandled event would end the process.
  reconnectWhenSilent(connection);
  return connection;
}

/** The time of the bus's Redis, ms since 1970: the one clock that publisher and consumer share. */
export async function redisTimeMs(connection: Redis): Promise<number> {
  const [seconds, microseconds] = await connection.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || !url.hostname) {
    throw new Error('BUS_REDIS_URL is not a URL such as redis://user:password@host:6379 (its content is not shown)');
  }
  return url;
}

function decode(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    throw new Error('the user or password in BUS_REDIS_URL is not percent-encoded; set BUS_REDIS_PASSWORD instead');
  }
}

function parsePort(text: string | undefined): number {
  const port = Number(text || DEFAULT_PORT);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error('the port of the bus (BUS_REDIS_PORT) is not a number from 1 to 65535');
}

function parseDatabase(path: string | undefined): number {
  const database = Number(path?.slice(1) ?? 0);
  if (Number.isInteger(database) && database >= 0) return database;
  throw new Error('the path of BUS_REDIS_URL is not a database number such as /0');
}
