import { createHash } from 'node:crypto';

/** How to reach one Redis. Holds secrets: never log it, log `connectionKey` instead. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly tls?: RedisTls;
  /** The address is one node of a Redis Cluster, which tells of the others. */
  readonly cluster?: boolean;
}

export interface RedisTls {
  /** PEM of a private certificate authority. */
  readonly ca?: string;
  /** Name expected in the server's certificate, when it is not the host. */
  readonly serverName?: string;
}

/** `spec.redis.tls` of a Queue. */
export interface TlsSpec {
  readonly enabled?: boolean;
  readonly serverName?: string;
}

export type ParsedTarget =
  | { readonly ok: true; readonly target: RedisTarget }
  | { readonly ok: false; readonly reason: 'SecretInvalid'; readonly message: string };

const DEFAULT_PORT = 6379;

/**
 * Reads a Secret's `data` (base64 values) as a Redis target: `redis-url` (redis:// or rediss://), or `redis-host`,
 * `redis-port`, `redis-username`, `redis-password`; `redis-ca.crt` holds a private CA; `redis-cluster: "true"` says that the
 * address is a node of a Redis Cluster. Separate username and password override those of the URL.
 *
 * @returns the target, or a message that names the key at fault and never repeats a value.
 */
export function parseRedisSecret(data: Readonly<Record<string, string>> | undefined, tls: TlsSpec = {}): ParsedTarget {
  const read = (key: string): string | undefined => {
    const text = Buffer.from(data?.[key] ?? '', 'base64')
      .toString('utf8')
      .trim();
    return text === '' ? undefined : text;
  };
  const url = read('redis-url');
  const base = url === undefined ? fromHostAndPort(read) : fromUrl(url);
  if (typeof base === 'string') return { ok: false, reason: 'SecretInvalid', message: base };
  const cluster = read('redis-cluster') ?? 'false';
  if (cluster !== 'true' && cluster !== 'false') {
    return { ok: false, reason: 'SecretInvalid', message: "the Secret's redis-cluster is neither true nor false" };
  }
  if (cluster === 'true' && base.db !== undefined) {
    const message = 'a Redis Cluster has no database but 0; remove the number from redis-url, or redis-cluster';
    return { ok: false, reason: 'SecretInvalid', message };
  }
  const ca = read('redis-ca.crt');
  const encrypted = base.tls || tls.enabled === true;
  return {
    ok: true,
    target: {
      host: base.host,
      port: base.port,
      ...definedOnly({
        username: read('redis-username') ?? base.username,
        password: read('redis-password') ?? base.password,
        db: base.db,
      }),
      ...(cluster === 'true' && { cluster: true }),
      ...(encrypted ? { tls: definedOnly({ ca, serverName: tls.serverName }) } : {}),
    },
  };
}

/** A short hash that tells targets apart and reveals nothing; safe in logs and metrics. */
export function connectionKey(target: RedisTarget): string {
  const { host, port, username, password, db, tls, cluster } = target;
  const address = [host, port, username, password, db, tls && [tls.ca, tls.serverName]];
  const identity = JSON.stringify(cluster === true ? [...address, 'cluster'] : address);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}

interface Address {
  host: string;
  port: number;
  tls: boolean;
  username?: string;
  password?: string;
  db?: number;
}

function fromHostAndPort(read: (key: string) => string | undefined): Address | string {
  const host = read('redis-host');
  if (host === undefined) return 'the Secret has neither redis-url nor redis-host; add one of them';
  const port = Number(read('redis-port') ?? DEFAULT_PORT);
  if (!isPort(port)) return "the Secret's redis-port is not a port number between 1 and 65535";
  return { host, port, tls: false };
}

function fromUrl(text: string): Address | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    return "the Secret's redis-url is not of the form redis://host:port or rediss://host:port";
  }
  const db = Number(url.pathname.slice(1) || 0);
  if (!Number.isInteger(db) || db < 0) return "the Secret's redis-url ends in a path that is not a database number";
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === undefined || password === undefined) {
    return "the user or password in the Secret's redis-url is not percent-encoded; put it under redis-password instead";
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || DEFAULT_PORT),
    tls: url.protocol === 'rediss:',
    ...(username && { username }),
    ...(password && { password }),
    ...(db > 0 && { db }),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function definedOnly<T extends object>(object: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
