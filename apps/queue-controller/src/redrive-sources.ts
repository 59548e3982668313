import { callRedis, CircuitOpenError } from '@redis-queue/redis-access';
import { callOf, resolveConnection } from './access/connection.ts';
import { redisProblem } from './access/redis-problem.ts';
import { ownerOf } from './ownership/ownership.ts';
import type { RedriveSettings } from './redrive/wire.ts';
import { serverOfQueue } from './sources.ts';
import type { WatchedSources } from './access/sources.ts';

/** Redrives reach the queues in the way in which their Queues are governed. */
export function redriveSources(sources: WatchedSources): RedriveSettings['sources'] {
  return {
    queues: sources.queues,
    ownerOf: (queue) => ownerOf(queue, sources.clusterId),
    resolve: (queue) => resolveConnection(queue, sources),
    serverOf: (queue) => serverOfQueue(queue, sources),
    callOf: (queue, access) => (call) => callRedis(sources, callOf(queue, access), call),
    problemOf: (error, target) => ({
      problem: redisProblem(error, target, sources.connections),
      ...(error instanceof CircuitOpenError && { probeAfterMs: error.probeAfterMs }),
    }),
    secretWatches: (keysOf) => sources.secrets.watches(sources.queues, ['controller'], keysOf),
    assertLeading: sources.assertLeading,
  };
}
