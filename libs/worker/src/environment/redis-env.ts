import { readFileSync } from 'node:fs';
import type { PodRedis } from '../redis/open-redis.ts';
import { readSentinels, type ReadVariable } from './sentinel-env.ts';

/**
 * The pod's variables about Redis: `REDIS_URL`, or `REDIS_HOST`, `_PORT`, `_DB`, `_USERNAME`, `_PASSWORD`; `REDIS_CLUSTER`
 * where the address is a node of a Redis Cluster; `REDIS_SENTINELS` and `REDIS_SENTINEL_MASTER_NAME` instead of an
 * address; `REDIS_TLS`, and `REDIS_TLS_SERVER_NAME`, the name in the server's certificate where it is not the host's. A
 * private authority is set by `NODE_EXTRA_CA_CERTS`, which Node reads itself; `REDIS_TLS_CERT_FILE` and
 * `REDIS_TLS_KEY_FILE` name the files of the client certificate, where Redis asks for one.
 */
export type RedisEnvironment = Record<string, string | undefined>;

const DEFAULT_PORT = 6379;
/** A worker is back within 2 s of its Redis; the library's own pauses grow to 5 s. */
const MAX_RETRY_MS = 2_000;
/**
 * ioredis' code for reconnecting and sending the command again. A server that refuses writes was demoted: its name or
 * service leads to the new primary by now.
 */
const RECONNECT_AND_RESEND = 2;
/** How soon a connection whose other end is silent is given up when it is closed, ms. */
const DISCONNECT_TIMEOUT_MS = 100;

/**
 * How to reach Redis, from the environment, as the controllers read the same Secret: user and password that are named
 * besides `REDIS_URL` override those in it, host, port and database beside it are refused, as two places are, and space
 * around a value is dropped. Commands wait for Redis to come back instead of failing: a worker outlives its Redis.
 *
 * @returns for `connectRedis`; also ioredis' own options, unless `cluster` is set.
 * @throws Error that names the variable to set; never with a value in it, for the URL holds the password.
 */
export function redisOptionsFromEnvironment(env: RedisEnvironment): PodRedis {
  const read: ReadVariable = (name) => env[name]?.trim() || undefined;
  const { encrypted, ...place } = readSentinels(read) ?? readAddress(read);
  const username = read('REDIS_USERNAME') ?? place.username;
  const password = read('REDIS_PASSWORD') ?? place.password;
  const tls = readTls(read, encrypted);
  return {
    protocol: 2, // RESP3 brings a worker nothing, and a proxy in front of Redis may not know it
    ...place,
    maxRetriesPerRequest: null,
    retryStrategy: retryAfterMs,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    reconnectOnError: ({ message }) => (message.includes('READONLY') ? RECONNECT_AND_RESEND : false),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(tls ? { tls } : {}),
    ...(tls && place.sentinels ? { sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
  };
}

/** One address, and whether it asks for TLS. */
function readAddress(read: ReadVariable): PodRedis & { encrypted: boolean } {
  const urlText = read('REDIS_URL');
  const parts = { host: read('REDIS_HOST'), port: portText(read('REDIS_PORT')), db: read('REDIS_DB') };
  const other = Object.entries(parts).find(([, text]) => text !== undefined)?.[0];
  if (urlText !== undefined && other !== undefined) {
    throw new Error(
      `REDIS_URL and REDIS_${other.toUpperCase()} both say where Redis is; remove redis-url or redis-${other} from the Secret`,
    );
  }
  const url = urlText === undefined ? undefined : parseUrl(urlText);
  const host = url?.hostname || parts.host;
  if (!host) throw new Error('neither REDIS_URL nor REDIS_HOST is set; the Secret needs redis-url or redis-host');
  const db = url ? parsePath(url) : parseDatabase(parts.db);
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: parsePort(url?.port || parts.port),
    db,
    ...(url?.username && { username: decode(url.username) }),
    ...(url?.password && { password: decode(url.password) }),
    ...(readCluster(read, db) && { cluster: true }),
    encrypted: url?.protocol === 'rediss:',
  };
}

function readCluster(read: ReadVariable, db: number): boolean {
  const text = read('REDIS_CLUSTER') ?? 'false';
  if (text !== 'true' && text !== 'false') throw new Error('REDIS_CLUSTER (redis-cluster) is neither true nor false');
  if (text === 'true' && db > 0) {
    throw new Error(
      'a Redis Cluster has no database but 0: remove the number from REDIS_URL, or REDIS_DB, or REDIS_CLUSTER (redis-cluster)',
    );
  }
  return text === 'true';
}

interface PodTls {
  readonly servername?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Variables that have no effect without TLS. */
const ONLY_FOR_TLS = ['REDIS_TLS_SERVER_NAME', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'] as const;

function readTls(read: ReadVariable, encrypted: boolean): PodTls | undefined {
  const tls = encrypted || read('REDIS_TLS') === 'true';
  const unused = tls ? undefined : ONLY_FOR_TLS.find((name) => read(name) !== undefined);
  if (unused !== undefined) {
    throw new Error(
      `${unused} is set and TLS is not: set REDIS_TLS=true or a rediss:// URL (redis.tls.enabled of the Queue)`,
    );
  }
  if (!tls) return undefined;
  const servername = read('REDIS_TLS_SERVER_NAME');
  return { ...(servername !== undefined && { servername }), ...readClientCertificate(read) };
}

function readClientCertificate(read: ReadVariable): Pick<PodTls, 'cert' | 'key'> {
  const [certFile, keyFile] = [read('REDIS_TLS_CERT_FILE'), read('REDIS_TLS_KEY_FILE')];
  if (certFile === undefined && keyFile === undefined) return {};
  if (certFile === undefined || keyFile === undefined)
    throw new Error('REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE belong together; set both, or none');
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

/** An error of the connection for a person; says what to set where TLS fails. Never holds a credential. */
export function whyUnreachable(error: Error & { code?: string; lastNodeError?: Error }): string {
  // Of a Redis Cluster: that all nodes failed says less than why the last one did.
  if (error.lastNodeError) return whyUnreachable(error.lastNodeError);
  const { code = '', message } = error;
  if (UNTRUSTED.has(code)) {
    return `${message}: the certificate of Redis is not signed by an authority that this pod knows; give it as redis-ca.crt in the Secret`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${message} Name the one in the certificate as redis.tls.serverName of the Queue (REDIS_TLS_SERVER_NAME)`;
  }
  if (REFUSED.test(code)) {
    return `${message} (${code}): Redis does not accept the certificate of this pod, or asks for one; it is tls.crt of the Secret that redis.tls.secretRef of the Queue names (REDIS_TLS_CERT_FILE)`;
  }
  if (NO_DATABASE.test(message)) {
    return `${message}: no job is taken from another database than that of redis-db or redis-url in the Secret (REDIS_DB, REDIS_URL)`;
  }
  return message || code;
}

/** The server has no such database, or its user lacks the right to choose one: `+select`. */
const NO_DATABASE = /DB index|'select' command|SELECT is not allowed/;

/** Alerts about the certificate of this pod. */
const REFUSED = /^ERR_SSL_.*ALERT_(UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|.*CERTIFICATE)/;

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function retryAfterMs(attempt: number): number {
  return Math.min(50 * attempt, MAX_RETRY_MS);
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || !url.hostname) {
    throw new Error('REDIS_URL is not a URL such as redis://user:password@host:6379 (its content is not shown)');
  }
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(
      'the user or password in REDIS_URL is not percent-encoded; put it under redis-password in the Secret instead',
    );
  }
}

/**
 * Kubernetes sets `REDIS_PORT` to `tcp://address:port` where the namespace has a Service named redis and the Secret no
 * port: that is not the Secret's word.
 */
function portText(text: string | undefined): string | undefined {
  return text?.startsWith('tcp://') ? undefined : text;
}

function parsePort(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error('the port of Redis (REDIS_PORT) is not a number from 1 to 65535');
  }
  return port;
}

function parsePath({ pathname }: URL): number {
  const database = Number(pathname.slice(1));
  if (Number.isInteger(database) && database >= 0) return database;
  throw new Error('the path of REDIS_URL is not a database number such as /0');
}

function parseDatabase(text = '0'): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error('the database of Redis (REDIS_DB) is not a number such as 0');
}
