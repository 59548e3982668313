import { manageKind, type Manager } from '@redis-queue/controller';
import { queueKind } from './kind.ts';
import { QueueMetrics } from './metrics.ts';
import { runSampler } from './sampler.ts';
import { serverOfQueue, watchesOf, watchSources, type SourceSettings } from './sources.ts';

export interface Settings extends SourceSettings {
  /** Queues reconciled at once, those that wait for their Redis included. */
  readonly concurrency?: number;
  readonly sampleIntervalMs?: number;
  /** How often an unchanged queue is compared with Redis, to repair what others changed there. */
  readonly driftCheckMs?: number;
}

/** Most of them wait for Redis, which costs kilobytes; so many can wait for one that hangs and leave room for others. */
export const CONCURRENCY = 128;

/** Connects the kind and the sampler with the manager. */
export async function wireQueueController(manager: Manager, settings: Settings): Promise<void> {
  const { concurrency = CONCURRENCY, sampleIntervalMs, driftCheckMs = 60_000 } = settings;
  const metrics = new QueueMetrics(manager.registry);
  const sources = await watchSources(manager, { ...settings, metrics }, (key) => controller.enqueue(key));
  const kind = queueKind({ sources, metrics, driftCheckMs });
  const controller = manageKind(manager, kind, {
    concurrency,
    watches: watchesOf(sources),
    serverOf: (queue) => serverOfQueue(queue, sources),
  });
  runSampler(manager, { sources, metrics, intervalMs: sampleIntervalMs });
}
