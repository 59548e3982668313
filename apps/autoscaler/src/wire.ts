import { UsageError, type Manager } from '@redis-queue/controller';
import { followBus, openBusSource, type BusSetting } from '@redis-queue/scaling-bus';
import { lead } from './lead.ts';
import { AutoscalerMetrics } from './metrics/autoscaler-metrics.ts';
import { Triggers } from './triggers.ts';
import { watchCluster } from './watching/cluster.ts';

export interface Settings {
  /** Names of Secrets that RBAC lets the autoscaler read. */
  readonly secretNames: readonly string[];
  /** The first guess of how long a pod takes to start, ms, until it is measured: jobs due within it are load already. */
  readonly podStartMs: number;
  /** How long a node takes to start, ms: pods that wait for one hold growth only after this. */
  readonly nodeStartMs: number;
  /** Undefined: not configured. */
  readonly bus: BusSetting | undefined;
}

/**
 * Connects what is watched and what samples, decides and publishes with the manager.
 *
 * @throws UsageError when the bus is not configured, because nothing could be published.
 */
export function wireAutoscaler(manager: Manager, { secretNames, bus: setting, ...times }: Settings): void {
  if (setting === undefined) {
    throw new UsageError('the bus is not configured: set --bus-secret-name, or BUS_REDIS_URL or BUS_REDIS_HOST');
  }
  const { log, registry } = manager;
  const triggers = new Triggers();
  const cluster = watchCluster(manager, secretNames, triggers);
  const bus = openBusSource(manager, setting);
  const deps = { cluster, triggers, metrics: new AutoscalerMetrics(registry), log, ...times };
  manager.runnable({
    name: 'autoscaler',
    leaderOnly: true,
    run: (signal) => followBus(bus, log, signal, (redis, until) => lead({ ...deps, redis }, until)),
  });
}
