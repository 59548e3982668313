import {
  DEFAULT_CONCURRENCY,
  manageKind,
  StatusPace,
  systemClock,
  type Manager,
  type ObjectKey,
} from '@redis-queue/controller';
import { followBus, openBusSource, type BusSetting } from '@redis-queue/scaling-bus';
import { Refusals } from './deployment/refusals.ts';
import { followStarts } from './follow-starts.ts';
import { poolKind } from './kind.ts';
import { PoolMetrics } from './metrics.ts';
import { PodStarts } from './pods/start-time.ts';
import { runBusConsumer, type BusConsumerDeps } from './size/bus-consumer.ts';
import { BusLink } from './size/bus-state.ts';
import { DecisionLedger } from './size/ledger.ts';
import { autoscaledPools, watchesOf, watchSources, type SourceSettings } from './sources.ts';
import { StuckPods } from './stuck/stuck-pods.ts';
import { LastingStates } from './status/lasting.ts';

export interface Settings extends SourceSettings {
  /** Absent: no decisions arrive, and pools with autoscaling keep their size. */
  readonly bus: BusSetting | undefined;
  /** Pools reconciled, and decisions handled, at once. */
  readonly concurrency?: number;
}

/** Connects the kind and the consumer of the bus with the manager. */
export function wireWorkerPoolController(manager: Manager, settings: Settings): void {
  const { concurrency = DEFAULT_CONCURRENCY } = settings;
  const { events, log, registry } = manager;
  const bus = settings.bus && openBusSource(manager, settings.bus);
  const sources = watchSources(manager, settings, bus);
  const shared = { sources, ledger: new DecisionLedger(), metrics: new PoolMetrics(registry) };
  const reconcile = (key: ObjectKey): void => controller.enqueue(key);
  const pace = new StatusPace({ clock: systemClock, onTurn: reconcile });
  const memories = { pace, lasting: new LastingStates(), starts: new PodStarts(), refusals: new Refusals() };
  const stuck = new StuckPods(shared.metrics);
  const link = new BusLink(bus);
  const kind = poolKind({ ...shared, ...memories, stuck, busState: () => link.state });
  const controller = manageKind(manager, kind, { cache: sources.pools, concurrency, watches: watchesOf(sources) });
  followStarts(sources, { ...shared, ...memories, reconcile });
  if (!bus) return;
  const deps: BusConsumerDeps = {
    ...shared,
    namespaces: manager.namespaces,
    events,
    log,
    link,
    connected: shared.metrics.busConnected,
    onBusChange: () => autoscaledPools(sources.pools).forEach(reconcile),
    reconcileSoon: reconcile,
    now: () => new Date(),
  };
  manager.runnable({
    name: 'scaling-bus',
    run: (signal) => followBus(bus, log, signal, (redis, until) => runBusConsumer({ redis, concurrency }, deps, until)),
  });
}
