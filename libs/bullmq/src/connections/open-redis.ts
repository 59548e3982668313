import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { requireDatabase } from './database.ts';
import { failWithConnection, guardClusterReplies, GuardedConnector } from '../redis/reply-guard.ts';
import { sentinelOptions } from './sentinel.ts';
import { DISCONNECT_TIMEOUT_MS, reconnectWhenSilent, retryAfterMs } from './silence.ts';
import { certificatesOf, type RedisAddress, type RedisTarget } from './target.ts';

/** How a controller waits for Redis: it fails fast and comes back later, unlike a worker. */
export const FAIL_FAST: Pick<
  RedisOptions,
  'maxRetriesPerRequest' | 'connectTimeout' | 'commandTimeout' | 'disconnectTimeout' | 'enableOfflineQueue'
> = {
  maxRetriesPerRequest: 1,
  connectTimeout: 3_000,
  commandTimeout: 5_000,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  enableOfflineQueue: true,
};

/**
 * ioredis' options for a target; merge `FAIL_FAST` unless the connection may block. Whatever the server sends, the
 * connection ends with an `UnexpectedReplyError` rather than take more memory than a few MiB.
 */
export function redisOptions(target: RedisTarget): RedisOptions {
  const { username, password, db } = target;
  return {
    protocol: 2, // what the meter of replies reads
    ...(target.sentinels ? sentinelOptions(target) : addressOptions(target)),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== undefined && { db }),
  };
}

function addressOptions({ host, port, tls }: RedisAddress): RedisOptions {
  return {
    Connector: GuardedConnector,
    host,
    port,
    ...(tls && { tls: { ...certificatesOf(tls), servername: tls.serverName ?? host } }),
  };
}

/**
 * A connection of the caller's own, that comes back by itself, also from a server that fell silent. Its commands fail
 * within seconds when Redis does not answer. To a Redis Cluster it is one client for all nodes that sends each command to
 * the node of its keys; through Sentinels it leads to whichever server is the primary.
 *
 * @param options of ioredis, which go before `FAIL_FAST`.
 */
export function openRedis(target: RedisTarget, options: RedisOptions = {}): Redis {
  const all = { ...redisOptions(target), ...FAIL_FAST, retryStrategy: retryAfterMs, ...options };
  const redis = target.cluster ? openCluster(target, all) : new Redis(all);
  redis.on('error', () => {}); // Each command rejects by itself; an unheard event would end the process.
  if (!target.cluster) {
    requireDatabase(redis);
    reconnectWhenSilent(redis);
    watchCopies(redis);
  }
  failWithConnection(redis);
  return redis;
}

/**
 * Has copies come back, too, from a server that fell silent. BullMQ waits for jobs over a copy, and gives up a wait that
 * takes too long, but it has no deadline for the connection to be ready, nor for the server's version.
 */
function watchCopies(redis: Redis): void {
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (...options) => {
    const copy = duplicate(...options);
    reconnectWhenSilent(copy);
    return copy;
  };
}

/** Reads go to masters: a replica lags behind, and a queue that looks emptier than it is would be a wrong size. */
function openCluster({ host, port }: RedisAddress, { retryStrategy, ...options }: RedisOptions): Redis {
  guardClusterReplies();
  const cluster = new Cluster([{ host, port }], {
    redisOptions: options,
    scaleReads: 'master',
    clusterRetryStrategy: retryStrategy ?? retryAfterMs,
    slotsRefreshTimeout: 3_000,
    // Nodes announce addresses; those of a cloud's cluster are names that its certificate carries.
    dnsLookup: (address, callback) => callback(null, address),
  });
  // It has the commands and events of a Redis client, but is another class.
  return prepared(cluster) as unknown as Redis;
}

/** The client, and copies of it. */
function prepared(cluster: Cluster): Cluster {
  cluster.on('+node', failWithNode);
  // Nothing is subscribed to, and the connection that would be opened for it is not guarded.
  (cluster as unknown as { subscriber: { start: () => void } }).subscriber.start = () => {};
  const duplicate = cluster.duplicate.bind(cluster);
  cluster.duplicate = (...options) => {
    const copy = prepared(duplicate(...options));
    copy.on('+node', (node: Redis) => reconnectWhenSilent(node));
    return copy;
  };
  return cluster;
}

/** Also those connections by which a node is asked for the slots: copies of it. */
function failWithNode(node: Redis): void {
  failWithConnection(node);
  const duplicate = node.duplicate.bind(node);
  node.duplicate = (...options) => {
    const copy = duplicate(...options);
    failWithConnection(copy);
    return copy;
  };
}
