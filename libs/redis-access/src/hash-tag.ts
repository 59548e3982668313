import { type Queue } from '@redis-queue/api';
import { hasHashTag, type RedisTarget } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import { queueRef } from './queue-ref.ts';

/** Why no worker can run the queue's jobs on this Redis: its keys would lie on different nodes; undefined: they do not. */
export function describeMissingHashTag(queue: Queue, target: RedisTarget): Problem<'HashTagMissing'> | undefined {
  const ref = queueRef(queue);
  if (target.cluster !== true || hasHashTag(ref)) return undefined;
  const { prefix, name } = ref;
  return {
    reason: 'HashTagMissing',
    message: `Queue ${queue.metadata.name} is on a Redis Cluster, and neither its prefix ${prefix} nor its name ${name} has a hash tag, without which BullMQ cannot work there; create another Queue, with spec.redis.prefix "{${prefix}}" or spec.redis.queueName "{${name}}", and give its producers the same`,
  };
}
