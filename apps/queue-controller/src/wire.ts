import { manageKind, type Manager } from '@redis-queue/controller';
import { queueKind } from './kind.ts';
import { QueueMetrics } from './metrics.ts';
import { runSampler } from './sampler.ts';
import { watchesOf, watchSources, type SourceSettings } from './sources.ts';

export interface Settings extends SourceSettings {
  /** Queues reconciled at once. */
  readonly concurrency?: number;
  readonly sampleIntervalMs?: number;
  /** How often an unchanged queue is compared with Redis, to repair what others changed there. */
  readonly driftCheckMs?: number;
  /** Wall time: what conditions say, and what the waits of a deletion are counted by. */
  readonly now?: () => Date;
}

/** Connects the kind and the sampler with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { concurrency = 8, sampleIntervalMs, driftCheckMs = 60_000, now } = settings;
  const sources = await watchSources(manager, { ...settings, concurrency }, (key) => controller.enqueue(key));
  const metrics = new QueueMetrics(manager.registry);
  const kind = queueKind({ sources, metrics, driftCheckMs });
  const controller = manageKind(manager, kind, { concurrency, watches: watchesOf(sources), ...(now && { now }) });
  runSampler(manager, { sources, metrics, intervalMs: sampleIntervalMs });
}
