import { keepsDeadLetters, type Queue } from '@redis-queue/api';
import {
  addressOf,
  classifyRedisError,
  connectionKey,
  deadLetterQueue,
  describeTarget,
  dropStuckCluster,
  hasWorkers,
  parseOwner,
  parseOwnerMark,
  queueId,
  readLastRun,
  readQueuePolicy,
  readSchedulers,
  readServerInfo,
  sampleQueues,
  tryToClaim,
  type ObservedPolicy,
  type QueueRef,
  type RedisConnections,
  type RedisErrorReason,
  type RedisTarget,
  type ServerInfo,
} from '@redis-queue/bullmq';
import { isApiFailure, type ObjectKey, type Problem } from '@redis-queue/controller';
import {
  callRedis,
  CircuitOpenError,
  queueRef,
  resolveRedis,
  resolveRedisOfRoles,
  type CircuitBreakers,
  type RedisAccess,
  type RedisCall,
  type SecretSources,
} from '@redis-queue/redis-access';
import { findClaimants, olderThan, type Claimant, type Login } from './claimants.ts';
import { isHeld, ownerOf, type HolderState } from './ownership.ts';
import type { ObservedDeadLetters, ObservedQueue } from './steps.ts';
import { hasClaimedDeadLetters } from './dead-letter-claim.ts';
import { readDeadLetters } from './read-dead-letters.ts';
import { TAKE_OVER_ANNOTATION } from './resources.ts';
import { declaredSchedulers } from './schedulers/declared.ts';

/** What the controller reads from; the API server's objects come from caches. */
export interface Sources {
  readonly clusterId: string;
  /** Unique to this process: it ends when it stops leading. */
  readonly fence: string;
  readonly connections: RedisConnections;
  /** Every call to Redis goes through them, so that one that hangs fails soon, and fails for all its queues at once. */
  readonly breakers: CircuitBreakers;
  readonly secrets: SecretSources;
  /** All Queue objects of the same prefix and name that may claim it, oldest first, the asking one included. */
  claimantsOf(ref: QueueRef): Iterable<Queue>;
  /** Asks the API server itself. @returns undefined when RBAC does not permit it */
  readQueue(key: ObjectKey, signal?: AbortSignal): Promise<Queue | 'gone' | undefined>;
  readonly servers: ServerInfoCache;
  /** @throws WritesStoppedError when another may lead by now. */
  readonly assertLeading: () => void;
}

/**
 * How the controller reaches the queue's Redis. The sampler has to reach the same one, or else the status would
 * describe another queue; a deleted queue is not sampled, so only the access that removes its data counts.
 */
export function resolveConnection(queue: Queue, { secrets }: Pick<Sources, 'secrets'>): RedisAccess {
  return queue.metadata.deletionTimestamp
    ? resolveRedis(queue, 'controller', secrets)
    : resolveRedisOfRoles(queue, ['controller', 'sampler'], secrets);
}

/** A call for the queue, by what `resolveConnection` found. */
export function callOf(queue: Queue, { target, targetKey }: Extract<RedisAccess, { ok: true }>): RedisCall {
  return { target, targetKey, namespace: queue.metadata.namespace ?? '' };
}

/**
 * Reads what `planQueue` needs: one round trip to Redis in a steady state. Writes nothing.
 *
 * @param signal ends the requests to the API server, which have a deadline of their own too.
 */
export async function observeQueue(queue: Queue, sources: Sources, signal?: AbortSignal): Promise<ObservedQueue> {
  const { clusterId, fence } = sources;
  const connection = resolveConnection(queue, sources);
  if (!connection.ok) return { clusterId, fence, claimants: [], problem: connection.problem };
  const { target } = connection;
  const ref = queueRef(queue);
  const known = { clusterId, fence, redisAddress: addressOf(target) };
  const readLetters = (redis: ReturnType<RedisConnections['get']>): Promise<ObservedDeadLetters> =>
    readDeadLetters(queue, redis, (error) => redisProblem(error, target, sources.connections));
  try {
    const deleted = queue.metadata.deletionTimestamp !== undefined;
    const declared = declaredSchedulers(queue.spec);
    const read = await callRedis(sources, callOf(queue, connection), async (redis) => {
      const [policy, server, states, dead] = await Promise.all([
        readQueuePolicy(redis, ref),
        sources.servers.get(target, () => readServerInfo(redis)),
        readSchedulers(redis, ref, deleted ? [] : declared.schedulers),
        keepsDeadLetters(queue.spec) ? readLetters(redis) : undefined,
      ]);
      const retires = queue.spec.retire === true && !deleted;
      const [[sample], lastRun, letters, served] = await Promise.all([
        deleted || retires ? sampleQueues(redis, [ref]) : [],
        retires ? readLastRun(redis, ref) : undefined,
        dead ?? (deleted || hasClaimedDeadLetters(policy) ? readLetters(redis) : undefined),
        deleted && hasWorkers(redis, ref),
      ]);
      return { policy, server, states, sample, lastRun, letters, served };
    });
    const { policy, server, states, sample, lastRun, letters, served } = read;
    const deadLetters = letters && (await withHolder(queue, letters, sources, signal));
    const holder = await readHolder(queue, policy.rawOwnerMark, sources, signal);
    const claimants = await rivalsOf(queue, { rawMark: policy.rawOwnerMark, holder }, connection, sources);
    const deadClaims = deleted && (await deadClaimsOf(queue, policy, sources, signal));
    return {
      ...known,
      claimants,
      policy,
      server,
      ...(declared.names.size > 0 && { schedulers: { declared, states } }),
      ...(holder && { holder }),
      ...(sample && { sample }),
      ...(lastRun !== undefined && { lastRun }),
      ...(served && { hasWorkers: true }),
      ...(deadClaims && { deadClaims }),
      ...(deadLetters && { deadLetters }),
    };
  } catch (error) {
    // What the API server says of the holder is no trouble of Redis.
    if (isApiFailure(error)) throw error;
    const problem = redisProblem(error, target, sources.connections);
    const probeAfterMs = error instanceof CircuitOpenError ? error.probeAfterMs : undefined;
    return { ...known, claimants: [], problem, ...(probeAfterMs !== undefined && { probeAfterMs }) };
  }
}

/** With what became of the object that the mark names, which only stands in the way as a Queue of that name. */
async function withHolder(
  queue: Queue,
  read: ObservedDeadLetters,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<ObservedDeadLetters> {
  const mark = parseOwnerMark(read.policy?.rawOwnerMark);
  if (!mark || mark === 'unreadable') return read;
  const holder = await readOwner(queue, mark.owner, sources, signal, deadLetterQueue(queueRef(queue)));
  return holder === undefined ? read : { ...read, holder };
}

/**
 * What went wrong with Redis, without a credential. A connection that was refused is closed: it would retry for ever.
 * So is that of a Redis Cluster that does not answer.
 */
export function redisProblem(
  error: unknown,
  target: RedisTarget,
  connections: RedisConnections,
): Problem<RedisErrorReason> {
  if (error instanceof CircuitOpenError && error.cause === undefined) {
    dropStuckCluster(connections, target);
    const refusal = connections.refusal(target);
    if (refusal) return redisProblem(refusal, target, connections);
    return { reason: 'RedisUnreachable', message: `${describeTarget(target)}: ${error.message}` };
  }
  const { reason, message } = classifyRedisError(error instanceof CircuitOpenError ? error.cause : error);
  if (reason === 'RedisAuthFailed') connections.release(target);
  return { reason, message: `${describeTarget(target)}: ${message}` };
}

/**
 * Who else claims the queue. Nobody needs to know while a living object holds the mark, so that a steady state costs
 * nothing. Who holds it and is being deleted looks for an heir; who may take it, for older claimants.
 */
async function rivalsOf(
  queue: Queue,
  { rawMark, holder }: { readonly rawMark: string | undefined; readonly holder: HolderState | undefined },
  connection: Extract<RedisAccess, { ok: true }>,
  sources: Sources,
): Promise<Claimant[]> {
  const deleted = queue.metadata.deletionTimestamp !== undefined;
  const mark = parseOwnerMark(rawMark);
  const isOurs = typeof mark === 'object' && mark.owner === ownerOf(queue, sources.clusterId);
  const held = typeof mark === 'object' && isHeld(mark, holder);
  if (isOurs !== deleted || (held && queue.metadata.annotations?.[TAKE_OVER_ANNOTATION] !== 'true')) return [];
  const others = sources.claimantsOf(queueRef(queue));
  return await findClaimants(queue, deleted ? others : olderThan(queue, others), connection, {
    secrets: sources.secrets,
    tryLogin: (access, namespace) => tryLogin(queueRef(queue), { ...access, namespace }, sources),
  });
}

async function tryLogin(ref: QueueRef, call: RedisCall, sources: Sources): Promise<Login> {
  try {
    await callRedis(sources, call, (redis) => tryToClaim(redis, ref));
    return 'accepted';
  } catch (error) {
    const { reason } = redisProblem(error, call.target, sources.connections);
    return reason === 'RedisAuthFailed' || reason === 'RedisNoPermission' ? 'refused' : 'unknown';
  }
}

/**
 * The claims in Redis whose objects are gone, so that nobody waits for them: the few that there may be, asked of the API
 * server. One that cannot be read stands.
 */
async function deadClaimsOf(
  queue: Queue,
  { claims = [] }: ObservedPolicy,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const states = await Promise.all(claims.map(({ owner }) => readOwner(queue, owner, sources, signal)));
  return claims.filter((_, index) => states[index] === 'gone').map(({ stored }) => stored);
}

/** Whether the object that the mark names still claims this queue; asked of the API server, as caches lag behind. */
async function readHolder(
  queue: Queue,
  rawMark: string | undefined,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<HolderState | undefined> {
  const mark = parseOwnerMark(rawMark);
  return mark && mark !== 'unreadable' ? await readOwner(queue, mark.owner, sources, signal) : undefined;
}

/** As what an object names the queue in Redis; undefined: it does not. */
function namedAs(ref: QueueRef, object: Queue): 'claims' | 'deadLetters' | undefined {
  const own = queueRef(object);
  if (queueId(own) === queueId(ref)) return 'claims';
  return keepsDeadLetters(object.spec) && queueId(deadLetterQueue(own)) === queueId(ref) ? 'deadLetters' : undefined;
}

/**
 * @param ref the queue whose owner it is. Default: that of `queue`.
 * @returns undefined for the queue's own object, and for one of another cluster.
 */
async function readOwner(
  queue: Queue,
  owner: string,
  sources: Sources,
  signal: AbortSignal | undefined,
  ref: QueueRef = queueRef(queue),
): Promise<HolderState | undefined> {
  const holder = parseOwner(owner);
  const { namespace, name } = queue.metadata;
  if (!holder || holder.clusterId !== sources.clusterId) return undefined;
  if (holder.namespace === namespace && holder.name === name) return undefined;
  const found = await sources.readQueue({ namespace: holder.namespace, name: holder.name }, signal);
  if (found === undefined) return 'unknown';
  const names = found === 'gone' ? undefined : namedAs(ref, found);
  if (found === 'gone' || names === undefined) return 'gone';
  return found.metadata.deletionTimestamp ? 'leaving' : names;
}

/**
 * What each server is, asked at most once a minute per connection: many queues share one. Not per address: behind one,
 * a gateway may lead each name of TLS to another server.
 */
export class ServerInfoCache {
  readonly #entries = new Map<string, { readonly atMs: number; readonly info: ServerInfo }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async get(target: RedisTarget, read: () => Promise<ServerInfo>): Promise<ServerInfo> {
    const key = connectionKey(target);
    const cached = this.#entries.get(key);
    if (cached && this.#now() - cached.atMs < SERVER_INFO_TTL_MS) return cached.info;
    const info = await read();
    this.#forgetExpired();
    this.#entries.delete(key);
    this.#entries.set(key, { atMs: this.#now(), info });
    return info;
  }

  /** Connections known, those of a minute ago not counted. */
  get size(): number {
    return this.#entries.size;
  }

  /** Entries are set in the order of their times. */
  #forgetExpired(): void {
    for (const [key, { atMs }] of this.#entries) {
      if (this.#now() - atMs < SERVER_INFO_TTL_MS) return;
      this.#entries.delete(key);
    }
  }
}

const SERVER_INFO_TTL_MS = 60_000;
