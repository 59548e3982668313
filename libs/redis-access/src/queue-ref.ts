import { queueName, queuePrefix, type Queue } from '@redis-queue/api';
import type { QueueRef } from '@redis-queue/bullmq';

/** The queue in Redis that the object governs. Whoever needs its name or its keys asks here. */
export function queueRef(queue: Queue): QueueRef {
  return { prefix: queuePrefix(queue), name: queueName(queue) };
}
