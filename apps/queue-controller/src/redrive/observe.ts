import { readRedriveState } from '@redis-queue/bullmq';
import { callRedis, CircuitOpenError, queueRef } from '@redis-queue/redis-access';
import { callOf, redisProblem, resolveConnection } from '../observe.ts';
import type { WatchedSources } from '../sources.ts';
import type { RedriveLine } from './line.ts';
import { filterOf, hasEnded, queueKeyOf, type RedriveObject } from './redrives.ts';
import type { ObservedRedrive } from './steps.ts';

/** What redrives are observed by, and written with: what Queues are, and the line of redrives. */
export interface RedriveSources extends Pick<
  WatchedSources,
  'assertLeading' | 'breakers' | 'clusterId' | 'connections' | 'queues' | 'secrets'
> {
  readonly line: RedriveLine;
}

/** Reads what `planRedrive` needs: one round trip to Redis for one whose turn it is, else nothing. Writes nothing. */
export async function observeRedrive(redrive: RedriveObject, sources: RedriveSources): Promise<ObservedRedrive> {
  if (hasEnded(redrive) || redrive.spec.suspend || 'problem' in filterOf(redrive)) return {};
  const ahead = sources.line.ahead(redrive);
  if (ahead !== undefined) return { ahead };
  const { namespace, name } = queueKeyOf(redrive);
  const queue = sources.queues.get({ ...(namespace !== undefined && { namespace }), name });
  if (!queue) {
    const message = `spec.queueRef names Queue ${name}, which does not exist in namespace ${namespace}; create it, or delete this QueueRedrive`;
    return { problem: { reason: 'QueueNotFound', message } };
  }
  const access = resolveConnection(queue, sources);
  if (!access.ok) return { problem: access.problem };
  try {
    const state = await callRedis(sources, callOf(queue, access), (redis) =>
      readRedriveState(redis, queueRef(queue), redrive.metadata.uid ?? ''),
    );
    return { place: { queue, access, state } };
  } catch (error) {
    const problem = redisProblem(error, access.target, sources.connections);
    const probeAfterMs = error instanceof CircuitOpenError ? error.probeAfterMs : undefined;
    return { problem, ...(probeAfterMs !== undefined && { probeAfterMs }) };
  }
}
