import { isIP } from 'node:net';
import { describeTarget, type RedisTarget } from './target.ts';

const CLUSTER = ' of a Redis Cluster';

/**
 * The server and database of the target for people, and for `status.effective.redisAddress`: `redis:6379 database 3`.
 * Holds no secret.
 */
export function addressOf(target: RedisTarget): string {
  const database = target.db ?? 0;
  return `${describeTarget(target)}${target.cluster ? CLUSTER : ''}${database === 0 ? '' : ` database ${database}`}`;
}

/**
 * Whether the target leads to another server or database than `address`, which `addressOf` wrote where its Secret was
 * read. False where their texts do not tell: of Sentinels or a Redis Cluster, of a name and an IP, and of a name and a
 * longer one that begins with it, for a short name of a Service is completed in the namespace of who asks.
 */
export function isOtherAddress(address: string, target: RedisTarget): boolean {
  const one = parseAddress(address);
  const other = parseAddress(addressOf(target));
  if (!one || !other) return false;
  if (one.database !== other.database) return true;
  if (mayBeSameHost(one.host, other.host)) return one.port !== other.port;
  return isIP(one.host) > 0 === isIP(other.host) > 0;
}

/** @returns undefined for what is not one server. */
function parseAddress(address: string): { host: string; port: string; database: string } | undefined {
  const [, ipv6, name, port, database = '0'] =
    /^(?:\[([^\s\]]+)\]|([^\s:]+)):(\d+)(?: database (\d+))?$/.exec(address) ?? [];
  const host = (ipv6 ?? name)?.toLowerCase().replace(/\.$/, '');
  return host !== undefined && port !== undefined ? { host, port, database } : undefined;
}

function mayBeSameHost(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}.`) || other.startsWith(`${one}.`);
}
