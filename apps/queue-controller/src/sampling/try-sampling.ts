import { trySampleQueues } from '@redis-queue/bullmq';
import { callRedis, queueRef, resolveRedis, resolveRedisOfRoles, type QueueObject } from '@redis-queue/redis-access';
import { callOf } from '../access/connection.ts';
import { redisProblem } from '../access/redis-problem.ts';
import type { Sources } from '../access/sources.ts';
import type { SamplingFailures } from './sampling-failures.ts';

/**
 * Reads one sample as the sampler would, when it has a Secret of its own that nobody has tried: a wrong one shows with
 * the reconcile that follows its change, and not in the next round of samples. It costs nothing after that. Where it has
 * the controller's, that there was no Secret is over by now; a reconcile that works is as good as a sample.
 */
export async function trySampling(
  queue: QueueObject,
  sources: Pick<Sources, 'secrets' | 'connections' | 'breakers'>,
  failures: SamplingFailures,
): Promise<void> {
  if (queue.metadata.deletionTimestamp) return;
  const { secrets, connections } = sources;
  const access = resolveRedisOfRoles(queue, ['sampler', 'controller'], secrets);
  if (!access.ok) {
    failures.note(queue, '', access.problem);
    return;
  }
  const { target, targetKey } = access;
  const governed = resolveRedis(queue, 'controller', secrets);
  if (governed.ok && governed.targetKey === targetKey) {
    if (failures.knows(queue, '')) failures.forget(queue.metadata.uid ?? '');
    return;
  }
  if (failures.knows(queue, targetKey)) return;
  try {
    const [sample] = await callRedis(sources, callOf(queue, access), (redis) =>
      trySampleQueues(redis, [queueRef(queue)]),
    );
    if (sample instanceof Error) throw sample;
    failures.note(queue, targetKey);
  } catch (error) {
    failures.note(queue, targetKey, redisProblem(error, target, connections));
  }
}
