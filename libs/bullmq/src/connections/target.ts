import { createHash } from 'node:crypto';

/** Who logs in, to which database, and how. */
interface RedisLogin {
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly tls?: RedisTls;
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** One address: of a server, or of a node of a Redis Cluster, which names the others. */
export interface RedisAddress extends RedisLogin, HostAndPort {
  readonly cluster?: boolean;
  readonly sentinels?: undefined;
  readonly masterName?: undefined;
}

/** Sentinels, which know the address of the primary. */
export interface RedisSentinels extends RedisLogin {
  readonly sentinels: readonly HostAndPort[];
  /** What the Sentinels call the group of servers. */
  readonly masterName: string;
  /** For the Sentinels themselves; `username` and `password` are for the servers. */
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  readonly cluster?: undefined;
}

/** How to reach one Redis. Holds secrets: never log it, log `describeTarget` or `connectionKey` instead. */
export type RedisTarget = RedisAddress | RedisSentinels;

export interface RedisTls {
  /** PEM of a private certificate authority. */
  readonly ca?: string;
  /** Name expected in the server's certificate, when it is not the host. */
  readonly serverName?: string;
  /** PEM of the client's certificate; only beside `key`. */
  readonly cert?: string;
  /** PEM of its private key. */
  readonly key?: string;
}

/** The part of `RedisTls` that is the same in Node's own options. */
export function certificatesOf({ ca, cert, key }: RedisTls): Pick<RedisTls, 'ca' | 'cert' | 'key'> {
  return { ...(ca && { ca }), ...(cert && key && { cert, key }) };
}

/** Where the target is, for people: `redis:6379`, or `main at the Sentinels a:26379, b:26379`. Holds no secret. */
export function describeTarget(target: RedisTarget): string {
  if (!target.sentinels) return hostAndPort(target);
  const [first, second, ...others] = target.sentinels.map(hostAndPort);
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return second === undefined
    ? `${target.masterName} at the Sentinel ${first}`
    : `${target.masterName} at the Sentinels ${first}, ${second}${more}`;
}

/**
 * The server and database that the target leads to, whoever logs in: equal for equal ones. Another name for the same
 * host, another node of the same Cluster or another list of Sentinels count as another server.
 */
export function serverOf(target: RedisTarget): string {
  const addresses = (target.sentinels ?? [target]).map(hostAndPort).toSorted().join().toLowerCase();
  return `${addresses} ${target.masterName ?? ''} ${target.db ?? 0}`;
}

/** A short hash that tells targets apart and reveals nothing; safe in logs and metrics. */
export function connectionKey(target: RedisTarget): string {
  const { username, password, db, tls, cluster } = target;
  const login = [username, password, db, tls && tlsIdentity(tls)];
  const identity = target.sentinels
    ? [serverOf(target), ...login, target.sentinelUsername, target.sentinelPassword]
    : [target.host, target.port, ...login, ...(cluster === true ? ['cluster'] : [])];
  return sha256(JSON.stringify(identity)).slice(0, 16);
}

/** A new client certificate is a new target: its connections take the place of those with the old one. */
function tlsIdentity({ ca, serverName, cert, key }: RedisTls): unknown[] {
  return [ca && digestOf(ca), serverName, ...(cert && key ? [digestOf(cert), digestOf(key)] : [])];
}

/** The digests of the CAs and certificates in use: many targets share one, and each call to Redis asks for the key of its target. */
const digests = new Map<string, string>();
const MAX_DIGESTS = 64;

function digestOf(pem: string): string {
  const known = digests.get(pem);
  if (known !== undefined) return known;
  const digest = sha256(pem);
  if (digests.size >= MAX_DIGESTS) digests.clear();
  digests.set(pem, digest);
  return digest;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hostAndPort({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
