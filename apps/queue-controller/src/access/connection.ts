import type { Queue } from '@redis-queue/api';
import { resolveRedis, resolveRedisOfRoles, type RedisAccess, type RedisCall } from '@redis-queue/redis-access';
import type { Sources } from './sources.ts';

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
export function callOf(
  queue: Queue,
  { target, targetKey }: Pick<Extract<RedisAccess, { ok: true }>, 'target' | 'targetKey'>,
): RedisCall {
  return { target, targetKey, namespace: queue.metadata.namespace ?? '' };
}
