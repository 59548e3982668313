import { manageKind, type Manager } from '@redis-queue/controller';
import { queueKind } from './kind.ts';
import { QueueMetrics } from './metrics.ts';
import { runSampler } from './sampler.ts';
import { watchesOf, watchSources, type SourceSettings } from './sources.ts';

export interface Settings extends SourceSettings {
  /** Queues reconciled at once. */
  readonly concurrency: number;
  /** How often the jobs of every queue are counted. */
  readonly sampleIntervalMs: number;
  /** How often an unchanged queue is compared with Redis, to repair what others changed there. */
  readonly driftCheckMs: number;
}

/** Connects the kind and the sampler with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { concurrency, sampleIntervalMs, driftCheckMs } = settings;
  const sources = await watchSources(manager, { ...settings, concurrency }, (key) => controller.enqueue(key));
  const metrics = new QueueMetrics(manager.registry);
  const kind = queueKind({ sources, metrics, driftCheckMs });
  const controller = manageKind(manager, kind, { concurrency, watches: watchesOf(sources) });
  runSampler(manager, { sources, metrics, intervalMs: sampleIntervalMs });
}
