import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { ClusterNode, ClusterOptions, RedisOptions } from 'ioredis';
import { requireDatabase } from './database.ts';
import { requireHashTags, type QueueKeyParts } from './hash-tag.ts';
import { Cluster, Redis } from './installed.ts';
import { closeWhenSilent, hearErrors } from './silence.ts';

/** How to reach the Redis of a pod: ioredis' options, also with Sentinels, or for a node of a Redis Cluster. */
export type PodRedis = RedisOptions & {
  /** `host` and `port` are a node of a Redis Cluster, which names the others. */
  cluster?: boolean;
};

/** The longest pause between attempts to connect to a Cluster of which no node answers, ms. */
const MAX_RETRY_MS = 2_000;
/** How long a connection to a node may take, ms; one that is gone without a word answers never. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Pause before a command is tried at another node, ms. */
const RETRY_COMMAND_MS = 200;
/**
 * How often a command is sent on or tried again. With the pauses that is a few seconds; after them the caller decides:
 * fetches, renewals of locks and the writes of a job's end are all repeated each second.
 */
const MAX_REDIRECTIONS = 16;
const SLOTS_TIMEOUT_MS = 2_000;

/**
 * Opens the connection of a pod for all but waiting; who waits duplicates it. It is opened again whenever it is lost, and
 * when it falls silent. To a Redis Cluster it is one client for all nodes, with a connection to each node that it needs.
 *
 * @param queues that are served over it.
 * @param maxRedirections how often a command to a Cluster is sent on or tried again, some 0.1 s each, before it fails.
 * @throws Error when one of them has keys that a Redis Cluster cannot hold together.
 */
export function openRedis(
  { cluster, ...options }: PodRedis,
  queues: readonly QueueKeyParts[] = [],
  maxRedirections: number = MAX_REDIRECTIONS,
): Redis {
  if (cluster !== true) return openServer(options);
  requireHashTags(queues);
  const { host = 'localhost', port = 6379 } = options;
  // It has the commands and events of a Redis client, but is another class.
  return openCluster([{ host, port }], clusterOptions(options, maxRedirections)) as unknown as Redis;
}

/** For each connection, whatever opened it. */
function keepSteady(redis: Redis): void {
  hearErrors(redis);
  closeWhenSilent(redis);
}

/** Connects to one server, or to the primary that Sentinels name. */
function openServer(options: RedisOptions): Redis {
  const redis = new Redis(options);
  requireDatabase(redis);
  keepSteady(redis);
  const duplicate = redis.duplicate.bind(redis);
  return Object.assign(redis, {
    duplicate: (override?: RedisOptions) => {
      const waiting = duplicate(override);
      keepSteady(waiting);
      return waiting;
    },
  });
}

/** @param options for each node, which replaces address and retries by its own. */
function clusterOptions(options: RedisOptions, maxRedirections: number): ClusterOptions {
  const { tls, host = '' } = options;
  const named = tls && { ...tls, ...(tls.servername === undefined && { checkServerIdentity: identityOf(host) }) };
  return {
    redisOptions: { ...options, connectTimeout: CONNECT_TIMEOUT_MS, ...(named && { tls: named }) },
    scaleReads: 'master',
    clusterRetryStrategy: (attempt) => Math.min(50 * attempt, MAX_RETRY_MS),
    maxRedirections,
    retryDelayOnFailover: RETRY_COMMAND_MS,
    retryDelayOnClusterDown: RETRY_COMMAND_MS,
    slotsRefreshTimeout: SLOTS_TIMEOUT_MS,
    // Resolved when it is connected to: certificates carry names.
    dnsLookup: (address, callback) => callback(null, address),
  };
}

/** A node's certificate carries the address that the node announces, or that of the Secret, as a cloud's do. */
function identityOf(host: string) {
  return (announced: string, certificate: PeerCertificate): Error | undefined =>
    checkServerIdentity(announced, certificate) && checkServerIdentity(host, certificate);
}

/** What is not in ioredis' types. */
interface ClusterInternals {
  subscriber: { start: () => void };
  handleError: (error: Error, ttl: object, handlers: RedirectionHandlers) => void;
  duplicate: (nodes?: ClusterNode[], options?: ClusterOptions) => Cluster;
}

interface RedirectionHandlers {
  maxRedirections: (error: Error) => void;
}

function openCluster(nodes: ClusterNode[], options: ClusterOptions): Cluster {
  const cluster = new Cluster(nodes, options);
  cluster.on('+node', (node: Redis) => keepSteady(node));
  const internals = cluster as unknown as ClusterInternals;
  // Nothing is subscribed to: each client would hold one connection more.
  internals.subscriber.start = () => undefined;
  const handle = internals.handleError.bind(cluster);
  internals.handleError = (error, ttl, handlers) =>
    handle(error, ttl, { ...handlers, maxRedirections: () => handlers.maxRedirections(nobodyServes(error)) });
  internals.duplicate = (others = nodes, more = {}) =>
    openCluster(others.length > 0 ? others : nodes, {
      ...options,
      ...more,
      redisOptions: { ...options.redisOptions, ...more.redisOptions },
    });
  return cluster;
}

/**
 * BullMQ takes an error that names ECONNREFUSED for one of the connection, and writes the end of a job again until it is
 * recorded; any other would fail a job whose handler has completed.
 */
function nobodyServes(last: Error): Error {
  const message = `no node of the Redis Cluster serves the queue (ECONNREFUSED; ${last.message})`;
  return new Error(message, { cause: last });
}
