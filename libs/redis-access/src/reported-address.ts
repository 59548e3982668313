import { redisSecretRef, type Queue, type RedisRole } from '@redis-queue/api';
import { addressOf, isOtherAddress } from '@redis-queue/bullmq';
import { isConditionTrue, type Problem } from '@redis-queue/controller';
import type { RedisAccess } from './resolve.ts';

/**
 * Where the queue-controller works on the queue, as its status says, for who may not read that Secret.
 *
 * @returns undefined where `role` uses the same Secret, and while nobody says: without a queue-controller, while the
 *   Queue is not Ready, and until its newest spec is in effect, as the address may be of before.
 */
export function reportedAddress(queue: Queue, role: RedisRole): string | undefined {
  if (redisSecretRef(queue, role).name === redisSecretRef(queue, 'controller').name) return undefined;
  const { observedGeneration, conditions, effective } = queue.status ?? {};
  const isNewest = observedGeneration === queue.metadata.generation && isConditionTrue(conditions, 'Ready');
  return isNewest ? effective?.redisAddress : undefined;
}

/** Why `role` would look at another Redis than the queue-controller; undefined: it does not, or nobody can tell. */
export function describeOtherRedis(
  queue: Queue,
  role: RedisRole,
  { target, secret }: Extract<RedisAccess, { ok: true }>,
): Problem<'MixedRedis'> | undefined {
  const reported = reportedAddress(queue, role);
  if (reported === undefined || !isOtherAddress(reported, target)) return undefined;
  const { namespace, name } = secret.metadata;
  const { field = 'the default' } = redisSecretRef(queue, role);
  return {
    reason: 'MixedRedis',
    message: `Queue ${queue.metadata.name} is at ${reported}, as status.effective.redisAddress says, but Secret ${namespace}/${name} (${field}, for the role ${role}) leads to ${addressOf(target)}; every Secret of a Queue has to lead to the same server and database, under the same address`,
  };
}
