import { readRedriveState } from '@redis-queue/bullmq';
import { queueRef } from '@redis-queue/redis-access';
import type { RedriveLine } from './line.ts';
import { filterOf, hasEnded, queueKeyOf, type RedriveObject } from './redrives.ts';
import type { RedriveSources } from './sources.ts';
import type { ObservedRedrive } from './steps.ts';

/** Reads what `planRedrive` needs: one round trip to Redis for one whose turn it is, else nothing. Writes nothing. */
export async function observeRedrive(
  redrive: RedriveObject,
  sources: RedriveSources,
  line: RedriveLine,
): Promise<ObservedRedrive> {
  if (hasEnded(redrive) || redrive.spec.suspend || 'problem' in filterOf(redrive)) return {};
  const ahead = line.ahead(redrive);
  if (ahead) return { ahead: { name: ahead.metadata.name, queue: ahead.spec.queueRef.name } };
  const { namespace, name } = queueKeyOf(redrive);
  const queue = sources.queues.get({ ...(namespace !== undefined && { namespace }), name });
  if (!queue) {
    const message = `spec.queueRef names Queue ${name}, which does not exist in namespace ${namespace}; create it, or delete this QueueRedrive`;
    return { problem: { reason: 'QueueNotFound', message } };
  }
  const access = sources.resolve(queue);
  if (!access.ok) return { problem: access.problem };
  try {
    const state = await sources.callOf(
      queue,
      access,
    )((redis) => readRedriveState(redis, queueRef(queue), redrive.metadata.uid ?? ''));
    return { place: { queue, access, state } };
  } catch (error) {
    return sources.problemOf(error, access.target);
  }
}
