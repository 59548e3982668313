import { UnrecoverableError, type Job } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import type { WorkerConfig } from './config.ts';
import { drain, planDrain, type DrainOutcome } from './drain.ts';
import { JobStopped, type Handler } from './handler.ts';
import type { HealthInput } from './health.ts';
import type { StandardSchema } from './job-data.ts';
import type { Log } from './log.ts';
import { createWorkerMetrics, type WorkerMetrics } from './metrics.ts';
import { createProcessor } from './processor.ts';
import { serveQueue, type LoopProgress } from './queue-loop.ts';
import { QueueWorker } from './queue-worker.ts';
import { Slots } from './slots.ts';

/** By `metadata.name` of the Queue. */
export type Handlers = Record<string, Handler>;
export type Schemas = Record<string, StandardSchema>;

export interface WorkersOptions {
  config: WorkerConfig;
  redis: RedisOptions;
  handlers: Handlers;
  schemas?: Schemas | undefined;
  log: Log;
}

export interface Workers {
  metrics: WorkerMetrics;
  health: () => HealthInput;
  /** Stops fetching and lets go of the jobs by the pool's drain policy; `hurry` hands them back at once. */
  drain: (hurry: AbortSignal) => Promise<DrainOutcome>;
}

/** A job survives this many losses of its pod (node gone, out of memory) before BullMQ fails it. */
const MAX_STALLED_COUNT = 3;
/** How soon BullMQ repeats the write of a job's end that a lost connection interrupted. */
const WRITE_RETRY_MS = 1_000;

/**
 * Serves every queue of the pool on shared slots, until drained.
 *
 * @throws Error when a queue has no handler, naming the queue and the handlers that there are.
 */
export function startWorkers({ config, redis: target, handlers, schemas = {}, log }: WorkersOptions): Workers {
  requireHandlers(config, handlers);
  const stop = new AbortController();
  const told = new AbortController();
  const handBack = new AbortController();
  const slots = new Slots(config.concurrency);
  const redis = new Redis(target);
  let connectedSinceMs: number | undefined;
  let locksRenewedMs = monotonic();
  const metrics = createWorkerMetrics(slots, () => connectedSinceMs !== undefined);
  const runningSince = new Map<Job, number>();

  const served = config.queues.map(({ queue, name, prefix }) => {
    const progress: LoopProgress = { queue, step: 'slot', sinceMs: monotonic(), fetching: false };
    const process = createProcessor({
      queue,
      handler: handlers[queue]!,
      schema: schemas[queue],
      log,
      metrics,
      now: monotonic,
      told: told.signal,
      handBack: handBack.signal,
    });
    const worker = new QueueWorker(
      name,
      async (job, token, signal) => {
        runningSince.set(job, monotonic());
        try {
          return await process(job, token, signal);
        } finally {
          runningSince.delete(job);
        }
      },
      redis,
      {
        prefix,
        name: config.podName,
        maxStalledCount: MAX_STALLED_COUNT,
        runRetryDelay: WRITE_RETRY_MS,
      },
    );
    worker.on('completed', () => metrics.jobs.inc({ queue, outcome: 'completed' }));
    worker.on('failed', (job, error) =>
      metrics.jobs.inc({ queue, outcome: willRunAgain(job, error) ? 'retried' : 'failed' }),
    );
    worker.on('locksRenewed', () => (locksRenewedMs = monotonic()));
    // another pod may run such a job by now
    worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => worker.cancelJob(id, 'its lock was lost')));
    worker.on('error', (error) => log.warn('worker error', { queue, error: error.message }));
    return { worker, progress };
  });
  const loops = served.map(({ progress }) => progress);

  redis.on('ready', () => {
    connectedSinceMs = monotonic();
    log.info('connected to Redis');
  });
  redis.on('close', () => {
    if (connectedSinceMs !== undefined) log.warn('lost the connection to Redis; reconnecting');
    connectedSinceMs = undefined;
    for (const progress of loops) progress.fetching = false;
  });
  redis.on('error', (error: Error) => log.warn('Redis error', { error: error.message }));

  const ended = served.map(async ({ worker, progress }) => {
    void worker.start().catch((error: unknown) => log.error('cannot search for stalled jobs', { error }));
    await serveQueue({ worker, slots, progress, stop: stop.signal, log, now: Date.now, monotonic });
  });

  return {
    metrics,
    health: () => ({
      nowMs: monotonic(),
      connectedSinceMs,
      draining: stop.signal.aborted,
      loops,
      oldestJobMs: runningSince.size > 0 ? Math.min(...runningSince.values()) : undefined,
      locksRenewedMs,
    }),
    drain: async (hurry) => {
      const outcome = await drain(planDrain(config.gracePeriodMs, config.maxDrainTimeMs), {
        stop: () => stop.abort(),
        tell: () => told.abort(new JobStopped('the pod drains: its grace period is over')),
        handBack: () => handBack.abort(new JobStopped('the pod drains: its drain time is over')),
        idle: Promise.all(ended),
        hurry,
      });
      await Promise.all(served.map(({ worker }) => worker.close(true)));
      redis.disconnect();
      return outcome;
    },
  };
}

const monotonic = (): number => performance.now();

function requireHandlers({ queues }: WorkerConfig, handlers: Handlers): void {
  const missing = queues.map(({ queue }) => queue).filter((queue) => !Object.hasOwn(handlers, queue));
  if (missing.length === 0) return;
  const known = Object.keys(handlers).join(', ') || 'none';
  throw new Error(
    `no handler for queue ${missing.join(', ')} (handlers: ${known}); add one, or take the queue out of spec.queues of the pool`,
  );
}

function willRunAgain(job: Job | undefined, error: Error): boolean {
  return !!job && !(error instanceof UnrecoverableError) && job.attemptsMade < (job.opts.attempts ?? 1);
}
