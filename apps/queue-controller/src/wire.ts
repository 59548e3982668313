import { manageKind, type Manager, type ObjectKey } from '@redis-queue/controller';
import { queueKind } from './kind.ts';
import { QueueMetrics } from './metrics.ts';
import { runSampler } from './sampler.ts';
import { SamplingFailures } from './sampling-failures.ts';
import { watchesOf, watchSources, type SourceSettings } from './sources.ts';

export interface Settings extends SourceSettings {
  /** Queues reconciled at once. */
  readonly concurrency: number;
  /** How often the jobs of every queue are counted. */
  readonly sampleIntervalMs: number;
  /** How often an unchanged queue is compared with Redis, to repair what others changed there. */
  readonly driftCheckMs: number;
  /** Wall time: what conditions say, and what the waits of a deletion are counted by. */
  readonly now?: () => Date;
}

/** Connects the kind and the sampler with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { concurrency, sampleIntervalMs, driftCheckMs, now } = settings;
  const sources = await watchSources(manager, { ...settings, concurrency }, (key) => controller.enqueue(key));
  const metrics = new QueueMetrics(manager.registry);
  const sampling = new SamplingFailures();
  const kind = queueKind({ sources, metrics, sampling, driftCheckMs });
  const controller = manageKind(manager, kind, { concurrency, watches: watchesOf(sources), ...(now && { now }) });
  const onSamplingChange = (key: ObjectKey): void => controller.enqueue(key);
  runSampler(manager, { sources, metrics, sampling, onSamplingChange, intervalMs: sampleIntervalMs });
}
