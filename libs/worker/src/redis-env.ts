import type { RedisOptions } from 'ioredis';

/** What the pod is told of its Redis: `REDIS_URL`, or `REDIS_HOST`, `_PORT`, `_USERNAME`, `_PASSWORD`; `REDIS_TLS`. */
export type RedisEnvironment = Record<string, string | undefined>;

const DEFAULT_PORT = 6379;

/**
 * How to reach Redis, from the environment. User and password that are named
 * besides `REDIS_URL` override those in it, as the controllers read the same Secret.
 * Commands wait for Redis to come back instead of failing: a worker outlives its Redis.
 *
 * @throws Error that names the variable to set; never with a value in it, for the URL holds the password.
 */
export function redisOptionsFromEnvironment(env: RedisEnvironment): RedisOptions {
  const url = env.REDIS_URL ? parseUrl(env.REDIS_URL) : undefined;
  const host = url?.hostname || env.REDIS_HOST;
  if (!host) throw new Error('neither REDIS_URL nor REDIS_HOST is set; the Secret needs redis-url or redis-host');
  const username = env.REDIS_USERNAME || (url && decodeURIComponent(url.username));
  const password = env.REDIS_PASSWORD || (url && decodeURIComponent(url.password));
  const tls = env.REDIS_TLS === 'true' || url?.protocol === 'rediss:';
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: parsePort(url?.port || env.REDIS_PORT),
    db: parseDatabase(url?.pathname),
    maxRetriesPerRequest: null,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(tls ? { tls: {} } : {}),
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !['redis:', 'rediss:'].includes(url.protocol)) {
    throw new Error('REDIS_URL is not a URL such as redis://user:password@host:6379 (its content is not shown)');
  }
  return url;
}

function parsePort(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error('the port of Redis (REDIS_PORT) is not a number from 1 to 65535');
  }
  return port;
}

function parseDatabase(path: string | undefined): number {
  const database = Number(path?.slice(1) ?? 0);
  if (!Number.isInteger(database)) throw new Error('the path of REDIS_URL is not a database number such as /0');
  return database;
}
