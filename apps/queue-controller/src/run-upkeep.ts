import { QUEUE_REASONS } from '@redis-queue/api';
import { delay, eventType, systemClock, type Manager, type ObjectKey } from '@redis-queue/controller';
import { CircuitBreakers, resolveRedis } from '@redis-queue/redis-access';
import type { QueueMetrics } from './metrics.ts';
import { redisProblem } from './access/redis-problem.ts';
import { resolveConnection } from './access/connection.ts';
import { ownerOf } from './ownership/ownership.ts';
import type { WatchedSources } from './access/sources.ts';
import { DeadLetterDuty, type DeadLetterSettings } from './upkeep/dead-letters.ts';
import { UPKEEP_EVENTS, type Duty } from './upkeep/duty.ts';
import { UpkeepMetrics } from './upkeep/metrics.ts';
import { PriorityDuty, type PrioritySettings } from './upkeep/priorities.ts';
import type { UpkeepReports } from './upkeep/reports.ts';
import { RetentionDuty, type RetentionSettings } from './upkeep/retention.ts';
import { UpkeepTallies } from './upkeep/tallies.ts';
import { UpkeepRounds, type UpkeepDeps } from './upkeep/upkeep-rounds.ts';

/** How often what is done; absent: as the constants of each duty say. */
export interface DutySettings {
  readonly deadLetters?: DeadLetterSettings;
  readonly retention?: RetentionSettings;
  readonly priorities?: PrioritySettings;
}

/** Everything that recurs. */
export function dutiesOf({ deadLetters, retention, priorities }: DutySettings = {}): Duty[] {
  return [new DeadLetterDuty(deadLetters), new RetentionDuty(retention), new PriorityDuty(priorities)];
}

export interface UpkeepSettings {
  readonly sources: WatchedSources;
  readonly metrics: QueueMetrics;
  readonly reports: UpkeepReports;
  readonly duties: readonly Duty[];
  /** Called with a queue whose conditions have to say something else. */
  readonly onNews: (key: ObjectKey) => void;
}

/** Has the leading manager do all duties, each in rounds of its own, once objects and Secrets are known. */
export function runUpkeep(manager: Manager, { sources, metrics, reports, duties, onNews }: UpkeepSettings): void {
  const { log, registry, events } = manager;
  const { queues, secrets, connections, clusterId } = sources;
  // Of its own: a script that takes its time says nothing of how a reconcile fares, and both have other deadlines.
  const breakers: CircuitBreakers = new CircuitBreakers({
    now: () => systemClock.now(),
    observer: metrics.circuits('upkeep', () => breakers.openTargets().length),
  });
  const tallies = new UpkeepTallies(() => systemClock.now());
  const deps: UpkeepDeps = {
    connections,
    breakers,
    resolve: (queue) => resolveConnection(queue, sources),
    ownerOf: (queue) => ownerOf(queue, clusterId),
    problemOf: (error, target) => redisProblem(error, target, connections),
    assertLeading: () => sources.assertLeading(),
    metrics: new UpkeepMetrics(registry),
    reports,
    tallies,
    listQueues: () => queues.list(),
    onNews,
    event: (queue, action, jobs) => {
      const said = UPKEEP_EVENTS[action];
      if (!said) return;
      const [reason, sentence] = said;
      events.record(queue, { type: eventType(QUEUE_REASONS[reason].kind), reason, message: sentence(jobs) });
    },
    onRoundFailed: (error) => log.error({ err: error }, 'a round of recurring work ended early'),
  };
  const rounds = duties.map((duty) => new UpkeepRounds(duty, deps));
  manager.runnable({
    name: 'queue-upkeep',
    run: async (signal) => {
      await queues.whenSynced(signal);
      await secrets.whenSynced(signal);
      await Promise.all([...rounds.map((each) => each.run(signal)), forgetIdle(signal)]);
    },
  });

  /** Drops what is remembered of queues and Redis servers that are gone. */
  async function forgetIdle(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(systemClock, FORGET_EVERY_MS, signal);
      const listed = queues.list();
      const uids = new Set(listed.map(({ metadata: { uid = '' } }) => uid));
      for (const memory of [reports, tallies]) memory.forgetAllBut(uids);
      const targets = listed.map((queue) => resolveRedis(queue, 'controller', secrets));
      breakers.forgetIdle(new Set(targets.flatMap((access) => (access.ok ? [access.targetKey] : []))));
    }
  }
}

const FORGET_EVERY_MS = 60_000;
