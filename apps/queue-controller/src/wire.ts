import {
  keyOf,
  manageKind,
  serveAdmission,
  type AdmissionOptions,
  type KindAdmission,
  type Manager,
  type ObjectKey,
} from '@redis-queue/controller';
import { byAge } from './ownership/claimants.ts';
import { DeletionTimes } from './deletion/deletion-times.ts';
import { runDriftRounds } from './drift.ts';
import { SettledQueues } from './drift/settled-queues.ts';
import { queueKind } from './kind.ts';
import { LimiterWatch } from './limiter/limiter-watch.ts';
import { QueueMetrics } from './metrics.ts';
import type { SampledQueue } from './sampling/queue-reader.ts';
import { redriveSources } from './redrive-sources.ts';
import { manageRedrives } from './redrive/wire.ts';
import { dutiesOf, runUpkeep, type DutySettings } from './run-upkeep.ts';
import { EmptyTimes } from './retire/empty-times.ts';
import { runSampler } from './sampling/sampler.ts';
import { SamplingFailures } from './sampling/sampling-failures.ts';
import { serverOfQueue, watchesOf, watchSources, type SourceSettings } from './sources.ts';
import { UpkeepReports } from './upkeep/reports.ts';
import { queueAdmission } from './webhooks.ts';

export interface Settings extends SourceSettings {
  /** Queues reconciled at once, those that wait for their Redis included. */
  readonly concurrency: number;
  /** How often the jobs of every queue are counted. */
  readonly sampleIntervalMs: number;
  /** How often the queues are compared with Redis, to repair what others changed there. */
  readonly driftCheckMs: number;
  /** Where webhooks are served; absent: nowhere. */
  readonly admission?: Omit<AdmissionOptions, 'kinds'> | undefined;
  /** How often an unchanged queue is reconciled although nothing is known to have changed. Default 5 min. */
  readonly fullCheckMs?: number;
  /** Wall time: what conditions say, and, with `deletions`, what the waits of a deletion are counted by. */
  readonly now?: () => Date;
  readonly deletions?: DeletionTimes;
  /** How often recurring work is done; absent: as often as it is made for. */
  readonly upkeep?: DutySettings;
  /** By what a retired queue is drained. */
  readonly emptyTimes?: EmptyTimes;
}

/** Most of them wait for Redis, which costs kilobytes; so many can wait for one that hangs and leave room for others. */
export const CONCURRENCY = 128;

/** For what nobody tells of, and no comparison of queues with Redis shows, such as the maxmemory-policy. */
const FULL_CHECK_MS = 300_000;

/** Connects the kind, the sampler, the drift rounds and recurring work with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { concurrency, sampleIntervalMs, driftCheckMs, fullCheckMs = FULL_CHECK_MS, now } = settings;
  const { deletions = new DeletionTimes(), emptyTimes = new EmptyTimes() } = settings;
  const metrics = new QueueMetrics(manager.registry);
  const sources = await watchSources(manager, { ...settings, metrics }, (key) => controller.enqueue(key));
  const sampling = new SamplingFailures();
  const settled = new SettledQueues();
  const limiter = new LimiterWatch();
  const duties = dutiesOf(settings.upkeep);
  const reports = new UpkeepReports();
  const memories = { sampling, deletions, emptyTimes, settled, limiter, reports };
  const kind = queueKind({ sources, metrics, ...memories, duties, fullCheckMs });
  const controller = manageKind(manager, kind, {
    concurrency,
    watches: watchesOf(sources),
    serverOf: (queue) => serverOfQueue(queue, sources),
    ...(now && { now }),
  });
  if (settings.admission) {
    const kinds = [queueAdmission((ref) => sources.claimantsOf(ref)) as KindAdmission];
    serveAdmission(manager, { ...settings.admission, kinds });
  }
  manageRedrives(manager, { sources: redriveSources(sources), byAge, ...(now && { now }) });
  const reconcile = (key: ObjectKey): void => controller.enqueue(key);
  const onSampled = ({ queue, sample }: SampledQueue): void => {
    const isBusy = sample.rateLimit !== undefined && sample.waiting + sample.prioritized + sample.active > 0;
    if (isBusy && limiter.takeDue(queue.metadata.uid ?? '')) reconcile(keyOf(queue));
  };
  const intervalMs = sampleIntervalMs;
  runSampler(manager, { sources, metrics, sampling, onSampled, onSamplingChange: reconcile, intervalMs });
  runDriftRounds(manager, { sources, metrics, settled, onDrift: reconcile, intervalMs: driftCheckMs });
  runUpkeep(manager, { sources, metrics, reports, duties, onNews: reconcile });
}
