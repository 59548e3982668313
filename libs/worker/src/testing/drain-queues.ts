import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue, Telemetry } from 'bullmq';
import { Queue as BullmqQueue } from '../bullmq/installed.ts';
import { createLog, type Log } from '../log/log.ts';
import type { JobOutcome } from '../observability/metrics.ts';
import type { WorkerOptions } from '../queues/worker-options.ts';
import { openRedis, type PodRedis } from '../redis/open-redis.ts';
import { startWorkers, type Handlers } from '../workers/workers.ts';

export interface DrainQueuesOptions {
  /** By queue, as for `runWorkers`. */
  handlers: Handlers;
  /** Where the Redis of the test is. */
  redis: PodRedis;
  /** Names in Redis; the handlers' names by default. */
  queues?: string[];
  /** BullMQ's key prefix; `bull` by default. */
  prefix?: string;
  /** Jobs at once, over all queues; 10 by default. */
  concurrency?: number;
  /** How long all of it may take, retries and delayed jobs included; 30 s by default. */
  timeoutMs?: number;
  /** As for `runWorkers`. */
  workerOptions?: WorkerOptions;
  telemetry?: Telemetry;
  /** Nothing is logged by default. */
  log?: Log;
}

/** How many runs ended how. */
export type DrainedQueues = Record<JobOutcome, number>;

/** What keeps a queue from being drained. Jobs that wait for children are not counted: they may never run here. */
const OPEN_STATES = ['waiting', 'prioritized', 'active', 'delayed'] as const;
const LOOK_EVERY_MS = 20;

/**
 * Runs real workers on the queues of a real Redis until no job waits, runs or is delayed.
 *
 * @throws Error when that takes longer than `timeoutMs`, naming what is left; jobs that still run are handed back.
 */
export async function drainQueues(options: DrainQueuesOptions): Promise<DrainedQueues> {
  const { handlers, redis, prefix = 'bull', concurrency = 10, timeoutMs = 30_000, workerOptions, telemetry } = options;
  const names = options.queues ?? Object.keys(handlers);
  const log = options.log ?? createLog('error', Date.now, () => undefined);
  const workers = startWorkers({
    config: {
      queues: names.map((name) => ({ queue: name, name, prefix })),
      concurrency,
      pool: 'test',
      namespace: 'test',
      version: 'test',
      podName: 'test',
      gracePeriodMs: 0,
      maxDrainTimeMs: 5_000,
      httpPort: 0,
    },
    redis: { ...redis, maxRetriesPerRequest: null },
    handlers,
    workerOptions,
    telemetry,
    log,
    usage: false,
  });
  const connection = openRedis({ ...redis, maxRetriesPerRequest: null });
  connection.on('error', () => undefined); // the workers' own connection logs it
  const queues = names.map((name) => new BullmqQueue(name, { connection, prefix, skipMetasUpdate: true }));
  try {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const left = await openJobs(queues);
      if (left.length === 0) break;
      if (performance.now() > deadline) throw new Error(`not drained after ${timeoutMs} ms: ${left.join(', ')}`);
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    await workers.drain(AbortSignal.abort());
    connection.disconnect();
  }
  return await outcomes(workers.metrics.jobs);
}

async function openJobs(queues: Queue[]): Promise<string[]> {
  const counted = await Promise.all(
    queues.map(async (queue) => {
      const counts = await queue.getJobCounts(...OPEN_STATES);
      return OPEN_STATES.flatMap((state) => (counts[state] ? [`${queue.name} has ${counts[state]} ${state}`] : []));
    }),
  );
  return counted.flat();
}

async function outcomes(jobs: { get(): Promise<{ values: OutcomeCount[] }> }): Promise<DrainedQueues> {
  const total: DrainedQueues = { completed: 0, failed: 0, retried: 0, rate_limited: 0, handed_back: 0 };
  for (const { labels, value } of (await jobs.get()).values) {
    total[labels.outcome as JobOutcome] += value;
  }
  return total;
}

interface OutcomeCount {
  labels: { outcome?: string | number };
  value: number;
}
