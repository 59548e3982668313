import type { QueueReason } from '@redis-queue/api';
import type { RedisTarget } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import type { QueueObject, RedisAccess } from '@redis-queue/redis-access';

/** The queues that are reached over one connection. */
export interface SamplingGroup {
  readonly key: string;
  readonly target: RedisTarget;
  /** Whose shares it counts for: of its namespaces the one that has the fewest groups. */
  readonly namespace: string;
  readonly queues: readonly QueueObject[];
}

/**
 * Which queues are read, or kept, together. Pure.
 *
 * @param resolve how a queue's Redis is reached.
 * @param onProblem called with each queue to whose Redis there is no way.
 */
export function samplingGroups(
  queues: readonly QueueObject[],
  resolve: (queue: QueueObject) => RedisAccess,
  onProblem: (queue: QueueObject, problem: Problem<QueueReason>) => void,
): SamplingGroup[] {
  const groups = new Map<string, { target: RedisTarget; queues: QueueObject[]; namespaces: Set<string> }>();
  const groupsOf = new Map<string, number>();
  for (const queue of queues) {
    const { namespace = '' } = queue.metadata;
    const access = resolve(queue);
    if (!access.ok) {
      onProblem(queue, access.problem);
      continue;
    }
    const group = groups.get(access.targetKey) ?? { target: access.target, queues: [], namespaces: new Set() };
    groups.set(access.targetKey, group);
    group.queues.push(queue);
    if (!group.namespaces.has(namespace)) groupsOf.set(namespace, (groupsOf.get(namespace) ?? 0) + 1);
    group.namespaces.add(namespace);
  }
  return [...groups].map(([key, { target, queues: members, namespaces }]) => {
    const namespace = [...namespaces].reduce((fewest, other) =>
      (groupsOf.get(other) ?? 0) < (groupsOf.get(fewest) ?? 0) ? other : fewest,
    );
    return { key, target, namespace, queues: members };
  });
}
