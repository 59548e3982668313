import { connectionKey, RedisConnections, type ConnectionLimits, type RedisTarget } from '@redis-queue/bullmq';
import { createPublisher } from '@redis-queue/scaling-bus';
import { Autoscaler, type AutoscalerOptions } from './autoscaler.ts';
import type { Cluster } from './watching/cluster.ts';

/**
 * Of those that sample, one per Redis and user; those for wake-ups have shares of their own. A connection costs 16 kB,
 * about 100 kB with TLS, and 1 ms to open: a namespace that needs more than its share opens at most six per second.
 */
export const CONNECTION_LIMITS: ConnectionLimits = { total: 1_024, perServer: 512, perNamespace: 64, keepMs: 10_000 };

export interface LeadDeps extends Pick<
  AutoscalerOptions,
  'triggers' | 'metrics' | 'log' | 'podStartMs' | 'nodeStartMs'
> {
  readonly cluster: Cluster;
  /** Of the bus. */
  readonly redis: RedisTarget;
}

/** Runs the autoscaler, with connections of its own, from when the cluster's objects are known until `signal` aborts. */
export async function lead({ cluster, redis, ...deps }: LeadDeps, signal: AbortSignal): Promise<void> {
  const { triggers } = deps;
  await cluster.whenSynced(signal);
  triggers.topologyChanged();
  const connections: RedisConnections = new RedisConnections({
    clientName: 'redis-queue-autoscaler',
    limits: CONNECTION_LIMITS,
    now: () => performance.now(),
    onShareUsedUp: deps.metrics.connections(() => connections.size),
    onChange: (target, up) => void (up && triggers.redisReconnected(connectionKey(target))),
  });
  await using bus = createPublisher({ redis });
  await new Autoscaler({
    ...cluster,
    ...deps,
    connections,
    bus,
    // Whole numbers: V8 stores others as an object each, and dozens of times are remembered per queue.
    now: () => Math.floor(performance.now()),
  }).run(signal);
  connections.close();
}
