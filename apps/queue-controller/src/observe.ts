import { keepsDeadLetters, type Queue } from '@redis-queue/api';
import {
  addressOf,
  hasWorkers,
  parseOwnerMark,
  readLastRun,
  readQueuePolicy,
  readSchedulers,
  readServerInfo,
  sampleQueues,
  tryToClaim,
  type ObservedPolicy,
  type QueueRef,
  type RedisConnections,
} from '@redis-queue/bullmq';
import { isApiFailure } from '@redis-queue/controller';
import { callRedis, CircuitOpenError, queueRef, type RedisAccess, type RedisCall } from '@redis-queue/redis-access';
import { callOf, resolveConnection } from './access/connection.ts';
import { redisProblem } from './access/redis-problem.ts';
import type { Sources } from './access/sources.ts';
import { findClaimants, olderThan, type Claimant, type Login } from './ownership/claimants.ts';
import { hasClaimedDeadLetters } from './ownership/dead-letter-claim.ts';
import type { ObservedDeadLetters } from './ownership/dead-letter-steps.ts';
import { deadClaimsOf, readHolder, withHolder } from './ownership/holder.ts';
import { isHeld, ownerOf, TAKE_OVER_ANNOTATION, type HolderState } from './ownership/ownership.ts';
import { readDeadLetters } from './ownership/read-dead-letters.ts';
import { asksForLetters } from './restores/held.ts';
import { declaredSchedulers } from './schedulers/declared.ts';
import type { ObservedQueue } from './steps.ts';

/**
 * Reads what `planQueue` needs: one round trip to Redis in a steady state. Writes nothing.
 *
 * @param signal ends the requests to the API server, which have a deadline of their own too.
 */
export async function observeQueue(queue: Queue, sources: Sources, signal?: AbortSignal): Promise<ObservedQueue> {
  const { clusterId, fence } = sources;
  const connection = resolveConnection(queue, sources);
  if (!connection.ok) return { clusterId, fence, claimants: [], problem: connection.problem };
  const { target, targetKey } = connection;
  const ref = queueRef(queue);
  const known = { clusterId, fence, way: { target, targetKey }, redisAddress: addressOf(target) };
  const readLetters = (redis: ReturnType<RedisConnections['get']>): Promise<ObservedDeadLetters> =>
    readDeadLetters(queue, redis, (error) => redisProblem(error, target, sources.connections));
  // Letters that nobody manages are no trouble of the queue where they cannot be read.
  const readRestored = async (redis: ReturnType<RedisConnections['get']>, policy: ObservedPolicy) => {
    const letters = asksForLetters(queue, policy) ? await readLetters(redis) : undefined;
    return letters?.policy && letters;
  };
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
        dead ?? (deleted || hasClaimedDeadLetters(policy) ? readLetters(redis) : readRestored(redis, policy)),
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
