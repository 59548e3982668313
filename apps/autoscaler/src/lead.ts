import { connectionKey, RedisConnections } from '@redis-queue/bullmq';
import { createPublisher, type BusRedisOptions } from '@redis-queue/scaling-bus';
import { Autoscaler, type AutoscalerOptions } from './autoscaler.ts';
import type { Cluster } from './watching/cluster.ts';

export interface LeadDeps extends Pick<AutoscalerOptions, 'triggers' | 'metrics' | 'log' | 'podStartMs'> {
  readonly cluster: Cluster;
  /** Of the bus. */
  readonly redis: BusRedisOptions;
}

/** Runs the autoscaler, with connections of its own, from when the cluster's objects are known until `signal` aborts. */
export async function lead({ cluster, redis, ...deps }: LeadDeps, signal: AbortSignal): Promise<void> {
  const { triggers } = deps;
  await cluster.whenSynced(signal);
  triggers.topologyChanged();
  const connections = new RedisConnections({
    clientName: 'redis-queue-autoscaler',
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
