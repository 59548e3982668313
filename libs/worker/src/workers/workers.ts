import { UnrecoverableError, type Job, type Telemetry } from 'bullmq';
import type { WorkerConfig } from '../environment/config.ts';
import { whyUnreachable } from '../environment/redis-env.ts';
import { JobStopped, partsOf, type QueueHandler } from '../jobs/handler.ts';
import { createProcessor } from '../jobs/processor.ts';
import { RunningJobs } from '../jobs/running-jobs.ts';
import type { Log } from '../log/log.ts';
import type { HealthInput } from '../observability/health.ts';
import { createWorkerMetrics, type WorkerMetrics } from '../observability/metrics.ts';
import { LOCK_TIMES, MAX_STALLED_COUNT, type LockTimes } from '../queues/lock-times.ts';
import { answeredBeforeLeaving, serveQueue, type LoopProgress } from '../queues/queue-loop.ts';
import { QueueWorker } from '../queues/queue-worker.ts';
import { Slots } from '../queues/slots.ts';
import { openRedis, type PodRedis } from '../redis/open-redis.ts';
import { startUsageReports, type UsageTimes } from '../usage/report.ts';
import { drain, planDrain, type DrainOutcome } from './drain.ts';

/** By `metadata.name` of the Queue. */
export type Handlers = Record<string, QueueHandler>;

export interface WorkersOptions {
  config: WorkerConfig;
  redis: PodRedis;
  handlers: Handlers;
  /** Traces every job, as a part of what its producer traced. */
  telemetry?: Telemetry | undefined;
  log: Log;
  /** @internal Other times than `LOCK_TIMES`, for tests that wait for locks to end. */
  locks?: LockTimes | undefined;
  /**
   * How often the pod reports what it uses; false: never. Only pods of a pool do, since there is no advice on others.
   */
  usage?: UsageTimes | false | undefined;
}

export interface Workers {
  metrics: WorkerMetrics;
  health: () => HealthInput;
  /** Stops fetching and lets go of the jobs by the pool's drain policy; `hurry` hands them back at once. */
  drain: (hurry: AbortSignal) => Promise<DrainOutcome>;
}

/** How soon BullMQ repeats the write of a job's end that a lost connection interrupted. */
const WRITE_RETRY_MS = 1_000;

/**
 * Serves every queue of the pool on shared slots, until drained.
 *
 * @throws Error when a queue has no handler, naming the queue and the handlers that there are.
 */
export function startWorkers(options: WorkersOptions): Workers {
  const { config, redis: target, handlers, telemetry, log, locks = LOCK_TIMES } = options;
  requireHandlers(config, handlers);
  const stop = new AbortController();
  const running = new RunningJobs();
  const slots = new Slots(config.concurrency);
  const redis = openRedis(target, config.queues);
  let connectedSinceMs: number | undefined;
  let redisError: string | undefined;
  let locksRenewedMs = monotonic();
  const metrics = createWorkerMetrics(slots, () => connectedSinceMs !== undefined);
  const reports =
    config.pool && options.usage !== false ? startUsageReports(redis, config, log, options.usage) : undefined;

  const served = config.queues.map(({ queue, name, prefix, jobTimeoutMs }) => {
    const progress: LoopProgress = { queue, step: 'slot', sinceMs: monotonic(), fetching: false };
    const process = createProcessor({
      queue,
      ...partsOf(handlers[queue]!),
      timeoutMs: jobTimeoutMs,
      log,
      metrics,
      now: monotonic,
      running,
      handBack: async (job, token) => await worker.handBack(job, token),
    });
    const worker: QueueWorker = new QueueWorker(name, reports?.measured(process) ?? process, redis, {
      prefix,
      name: config.podName,
      maxStalledCount: MAX_STALLED_COUNT,
      lockDuration: locks.durationMs,
      lockRenewTime: locks.renewMs,
      stalledInterval: locks.searchMs,
      runRetryDelay: WRITE_RETRY_MS,
      ...(telemetry && { telemetry }),
    });
    worker.on('completed', () => metrics.jobs.inc({ queue, outcome: 'completed' }));
    worker.on('failed', (job, error) =>
      metrics.jobs.inc({ queue, outcome: willRunAgain(job, error) ? 'retried' : 'failed' }),
    );
    worker.on('locksRenewed', () => (locksRenewedMs = monotonic()));
    // another pod may run such a job by now
    worker.on('lockRenewalFailed', (ids) => {
      locksRenewedMs = monotonic();
      for (const id of ids) worker.cancelJob(id, 'its lock was lost');
    });
    worker.on('error', (error) => {
      // a renewal that Redis did not take is no renewal that nobody tried: a restart would not help
      locksRenewedMs = monotonic();
      log.warn('worker error', { queue, error: error.message });
    });
    return { worker, progress };
  });
  const loops = served.map(({ progress }) => progress);

  redis.on('ready', () => {
    connectedSinceMs = monotonic();
    redisError = undefined;
    log.info('connected to Redis');
  });
  redis.on('close', () => {
    if (connectedSinceMs !== undefined) log.warn('lost the connection to Redis; reconnecting');
    connectedSinceMs = undefined;
    for (const progress of loops) progress.fetching = false;
  });
  redis.on('error', (error: Error) => {
    redisError = whyUnreachable(error);
    log.warn('Redis error', { error: redisError });
  });

  const ended = served.map(async ({ worker, progress }) => {
    if (config.uniquePodName) await takeOver(worker, progress.queue, stop.signal, log);
    void worker.start().catch((error: unknown) => log.error('cannot search for stalled jobs', { error }));
    await serveQueue({ worker, slots, progress, stop: stop.signal, log, now: Date.now, monotonic });
  });

  return {
    metrics,
    health: () => ({
      nowMs: monotonic(),
      connectedSinceMs,
      redisError,
      draining: stop.signal.aborted,
      loops,
      oldestJobMs: running.oldestMs,
      locksRenewedMs,
    }),
    drain: async (hurry) => {
      const outcome = await drain(planDrain(config.gracePeriodMs, config.maxDrainTimeMs), {
        stop: () => stop.abort(),
        abort: () => running.stop(new JobStopped('the pod drains: its grace period is over')),
        handBack: () => running.handBack(new JobStopped('the pod drains: its drain time is over')),
        idle: Promise.all(ended),
        hurry,
      });
      await Promise.all(served.map(({ worker }) => worker.close(true)));
      await reports?.stop();
      redis.disconnect();
      return outcome;
    },
  };
}

const monotonic = (): number => performance.now();

async function takeOver(worker: QueueWorker, queue: string, stop: AbortSignal, log: Log): Promise<void> {
  try {
    const jobs = await answeredBeforeLeaving(worker.takeOver(), stop);
    if (jobs) log.warn('this pod ran before and died; its jobs are run again', { queue, jobs });
  } catch (error) {
    log.warn('cannot search for jobs that this pod left behind; they run again once their locks end', { queue, error });
  }
}

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
