import { connectionKey, RedisConnections } from '@redis-queue/bullmq';
import type { Manager } from '@redis-queue/controller';
import { createPublisher, type BusRedisOptions } from '@redis-queue/scaling-bus';
import { Autoscaler } from './autoscaler.ts';
import { AutoscalerMetrics } from './metrics/autoscaler-metrics.ts';
import { Triggers } from './triggers.ts';
import { watchCluster } from './watching/cluster.ts';

export interface Settings {
  /** Names of Secrets that RBAC lets the autoscaler read. */
  readonly secretNames: readonly string[];
  /** How long a pod takes from decision to first job, ms: delayed jobs due within it are load already. */
  readonly podStartMs: number;
  /** Undefined: not configured. */
  readonly bus: BusRedisOptions | undefined;
}

/**
 * Connects caches, samplers and the bus with the manager.
 *
 * @throws when the bus is not configured, because nothing could be published.
 */
export function wireAutoscaler(manager: Manager, { secretNames, podStartMs, bus: redis }: Settings): void {
  if (redis === undefined) {
    throw new Error('the bus is not configured: set BUS_REDIS_URL or BUS_REDIS_HOST (Helm: Secret redis-queue-bus)');
  }
  const triggers = new Triggers();
  const cluster = watchCluster(manager, secretNames, triggers);
  const metrics = new AutoscalerMetrics(manager.registry);
  manager.runnable({
    name: 'autoscaler',
    leaderOnly: true,
    async run(signal) {
      await cluster.whenSynced(signal);
      triggers.topologyChanged();
      const connections = new RedisConnections({
        clientName: 'redis-queue-autoscaler',
        onChange: (target, up) => void (up && triggers.redisReconnected(connectionKey(target))),
      });
      await using bus = createPublisher({ redis });
      await new Autoscaler({
        ...cluster,
        connections,
        bus,
        triggers,
        metrics,
        log: manager.log,
        podStartMs,
        // Whole numbers: V8 stores others as an object each, and dozens of times are remembered per queue.
        now: () => Math.floor(performance.now()),
      }).run(signal);
      connections.close();
    },
  });
}
