import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { parseDuration, redisSecretRef, type Queue, type WorkerPool } from '@redis-queue/api';
import type { Change } from '@redis-queue/controller';
import {
  describeMissingHashTag,
  describeOtherRedis,
  describeReservedPrefix,
  queueRef,
  reportedAddress,
  resolveRedis,
  type QueueObject,
  type RedisAccess,
  type SecretObject,
  type SecretSources,
} from '@redis-queue/redis-access';
import type { Problem } from '../kubernetes/reasons.ts';

/** A queue as the pods get it in `RQ_QUEUES`. */
export interface PodQueue {
  /** `metadata.name` of the Queue. */
  readonly queue: string;
  readonly name: string;
  readonly prefix: string;
  /** How long a run of its jobs may take. */
  readonly jobTimeoutMs?: number;
  /** Its part of a pod's slots while other queues have work too; absent: 1. */
  readonly weight?: number;
}

/** What a pool's pods need to know of its queues and their Redis. */
export interface PoolQueues {
  readonly queues: readonly PodQueue[];
  readonly secretName: string;
  readonly tls: boolean;
  /** The name that the server's certificate has to carry, where it is not the host. */
  readonly tlsServerName?: string;
  /** Where pods find the private certificate authority; absent: there is none. */
  readonly ca?: { readonly secretName: string; readonly key: string };
  /** The Secret whose tls.crt and tls.key are the client certificate; absent: Redis asks for none. */
  readonly clientSecretName?: string;
  /** The keys of the Secret that pods get as variables. */
  readonly keys: readonly string[];
  /** Changes when what the pods use of the Secret does. */
  readonly secretHash: string;
}

export interface QueueSources {
  queue(name: string): Queue | undefined;
  readonly secrets: SecretSources;
}

const CA_KEY = 'redis-ca.crt';
/** The keys of a Secret of certificates that pods read. */
export const CLIENT_KEYS = ['tls.crt', 'tls.key'] as const;
/** The keys of the Secret that reach a pod, wherever Redis is. */
const REDIS_KEYS = ['redis-url', 'redis-host', 'redis-port', 'redis-db', 'redis-username', 'redis-password'] as const;
const SENTINEL_KEYS = [
  'redis-sentinels',
  'redis-sentinel-master-name',
  'redis-sentinel-username',
  'redis-sentinel-password',
] as const;

/** A variable more replaces every pod: those of Sentinels and of a Redis Cluster are for pools that need them. */
function keysOf({ target }: Extract<RedisAccess, { ok: true }>): readonly string[] {
  if (target.sentinels) return [...REDIS_KEYS, ...SENTINEL_KEYS];
  return target.cluster === true ? [...REDIS_KEYS, 'redis-cluster'] : REDIS_KEYS;
}

/**
 * Finds the pool's Queues and the Secret that they share. Pure over its sources.
 *
 * @returns the first thing that is in the way, in the order in which a person would have to clear it.
 */
export function resolveQueues(pool: WorkerPool, sources: QueueSources): PoolQueues | Problem {
  const { namespace } = pool.metadata;
  const names = pool.spec.queues.toSorted();
  const found = names.map((name) => [name, sources.queue(name)] as const);
  const missing = found.filter(([, queue]) => !queue).map(([name]) => name);
  if (missing.length > 0) {
    return {
      reason: 'QueueNotFound',
      message: `spec.queues names ${list(missing)}, which ${missing.length > 1 ? 'are no Queues' : 'is no Queue'} of namespace ${namespace}; create the Queue or correct the name`,
    };
  }
  const queues = found.map(([, queue]) => queue!);
  const reserved = queues.map(describeReservedPrefix).find((problem) => problem !== undefined);
  if (reserved) return reserved;
  const mixed = describeMixture(queues);
  if (mixed) return { reason: 'MixedRedis', message: mixed };
  const access = resolveRedis(queues[0]!, 'worker', sources.secrets);
  if (!access.ok) return access.problem;
  const { secret, target, certificates } = access;
  const untagged = queues
    .map((queue) => describeMissingHashTag(queue, target))
    .find((problem) => problem !== undefined);
  if (untagged) return untagged;
  const elsewhere = queues.map((queue) => describeOtherRedis(queue, 'worker', access));
  const other = elsewhere.find((problem) => problem !== undefined);
  if (other) return other;
  const keys = keysOf(access);
  const ca = authorityOf(secret, certificates);
  const { enabled: tls = false, serverName } = queues[0]!.spec.redis?.tls ?? {};
  return {
    queues: queues.map((queue) => ({
      queue: queue.metadata.name,
      ...queueRef(queue),
      ...(queue.spec.jobTimeout !== undefined && { jobTimeoutMs: parseDuration(queue.spec.jobTimeout) }),
      ...weightOf(pool, queue),
    })),
    secretName: secret.metadata.name,
    tls,
    ...(serverName !== undefined && { tlsServerName: serverName }),
    ...(ca && { ca: { secretName: ca.of.metadata.name, key: ca.key } }),
    ...(certificates && has(certificates, 'tls.crt') && { clientSecretName: certificates.metadata.name }),
    keys,
    secretHash: hashOf(pool.metadata.uid ?? '', [
      ...[...keys, CA_KEY].map((key) => secret.data?.[key] ?? ''),
      ...(ca && ca.of === certificates ? [certificates?.data?.['ca.crt'] ?? ''] : []),
      ...(certificates ? CLIENT_KEYS.map((key) => certificates.data?.[key] ?? '') : []),
    ]),
  };
}

/** `redis-ca.crt` goes first, as for the controllers: in a Secret of certificates it may be that of the client's alone. */
function authorityOf(
  secret: SecretObject,
  certificates: SecretObject | undefined,
): { of: SecretObject; key: string } | undefined {
  if (has(secret, CA_KEY)) return { of: secret, key: CA_KEY };
  return certificates && has(certificates, 'ca.crt') ? { of: certificates, key: 'ca.crt' } : undefined;
}

/** Whether the key has more than space. */
function has({ data = {} }: SecretObject, key: string): boolean {
  return (
    Buffer.from(data[key] ?? '', 'base64')
      .toString()
      .trim() !== ''
  );
}

/**
 * Whether a Queue became another for the pools on it: its limits, its policies and the counts in its status, which move
 * all the time, reach no pod.
 */
export function changesPods({ event, object, previous }: Change<QueueObject>): boolean {
  if (event !== 'update' || !previous) return true;
  return !isDeepStrictEqual(seenByPods(object), seenByPods(previous));
}

/** All that `resolveQueues` reads of a Queue. */
function seenByPods(queue: QueueObject): unknown[] {
  const { name, redis, jobTimeout } = queue.spec;
  return [name, redis, jobTimeout, reportedAddress(queue, 'worker')];
}

/** Nothing where a queue has the weight that it has anyway: pods are replaced for no change. */
function weightOf({ spec }: WorkerPool, { metadata }: Queue): Pick<PodQueue, 'weight'> {
  const weight = spec.queueWeights?.[metadata.name] ?? 1;
  return weight === 1 ? {} : { weight };
}

/** One Redis per pool: the Secret and the TLS settings of all its Queues have to agree. */
function describeMixture(queues: readonly Queue[]): string | undefined {
  const groups = new Map<string, string[]>();
  for (const queue of queues) {
    const { enabled = false, serverName = '', secretRef } = queue.spec.redis?.tls ?? {};
    const words = [
      `Secret ${redisSecretRef(queue, 'worker').name}`,
      ...(enabled ? ['with TLS'] : []),
      ...(secretRef ? [`by the certificates of Secret ${secretRef.name}`] : []),
      ...(serverName === '' ? [] : [`to ${serverName}`]),
    ];
    const how = words.join(' ');
    groups.set(how, [...(groups.get(how) ?? []), queue.metadata.name]);
  }
  if (groups.size === 1) return undefined;
  const parts = [...groups].map(([how, names]) => `${list(names)} by ${how}`);
  return `the Queues of spec.queues reach Redis in different ways: ${parts.join('; ')}; a pool serves one Redis, so split it`;
}

/**
 * Changes when the content does. Salted by the pool's uid, so that equal contents of two namespaces give different
 * hashes, and cut to 32 bits: enough to notice a change, too few to confirm a guess of a password.
 */
function hashOf(salt: string, content: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([salt, content]))
    .digest('hex')
    .slice(0, 8);
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
