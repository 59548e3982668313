import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Telemetry, Worker } from 'bullmq';
import type { WorkerConfig } from '../environment/config.ts';
import { whyUnreachable } from '../environment/redis-env.ts';
import { checkHandler } from '../jobs/check-handler.ts';
import { fileHandler } from '../jobs/file-handler.ts';
import {
  fileOf,
  JobStopped,
  partsOf,
  type Handler,
  type InProcessHandler,
  type QueueHandler,
} from '../jobs/handler.ts';
import type { StandardSchema } from '../jobs/job-data.ts';
import { createProcessor } from '../jobs/processor.ts';
import { RunningJobs } from '../jobs/running-jobs.ts';
import { StuckHandlers } from '../jobs/stuck-handlers.ts';
import type { Log } from '../log/log.ts';
import { OutageLog } from '../log/outage-log.ts';
import { EventLoopLag } from '../observability/event-loop-lag.ts';
import type { HealthInput } from '../observability/health.ts';
import { createWorkerMetrics, type WorkerMetrics } from '../observability/metrics.ts';
import { openHolding, type Holding } from '../queues/holding.ts';
import { LOCK_TIMES, MAX_STALLED_COUNT, type LockTimes } from '../queues/lock-times.ts';
import { answeredBeforeLeaving, serveQueue, type LoopProgress } from '../queues/queue-loop.ts';
import { LOCK_LOST, QueueWorker } from '../queues/queue-worker.ts';
import { Slots } from '../queues/slots.ts';
import { Suspects } from '../queues/suspects.ts';
import { rests, STUCK_AFTER_MS, TurnWatch, type RestReasons } from '../queues/turn-watch.ts';
import { checkWorkerOptions, given, type WorkerOptions } from '../queues/worker-options.ts';
import { UsageMeter } from '../usage/meter.ts';
import { redisAnswers } from '../redis/answers.ts';
import { retryWhatIsRefusedForNow } from '../redis/not-now.ts';
import { openRedis, type PodRedis } from '../redis/open-redis.ts';
import { startUsageReports, type UsageTimes } from '../usage/report.ts';
import { drain, planDrain, type DrainOutcome } from './drain.ts';

/** By `metadata.name` of the Queue. */
export type Handlers = Record<string, QueueHandler>;

/** BullMQ's Worker of a queue, as far as a program may use it: its loop and its end are the pod's. */
export type PoolWorker = Pick<
  Worker,
  'name' | 'id' | 'on' | 'once' | 'off' | 'pause' | 'resume' | 'isPaused' | 'cancelJob' | 'cancelAllJobs'
>;

export interface WorkersOptions {
  config: WorkerConfig;
  redis: PodRedis;
  handlers: Handlers;
  /** Options of BullMQ's Worker, for all queues; a handler's own go before them. */
  workerOptions?: WorkerOptions | undefined;
  /** Called with the worker of each queue before it fetches: the place to listen to its events. */
  onWorker?: ((worker: PoolWorker, queue: string) => void) | undefined;
  /** Traces every job, as a part of what its producer traced. */
  telemetry?: Telemetry | undefined;
  log: Log;
  /** @internal Other times than `LOCK_TIMES`, for tests that wait for locks to end. */
  locks?: LockTimes | undefined;
  /** How long a queue's loop may take to turn until the pod is not alive, ms; 1 min where absent. */
  stuckAfterMs?: number | undefined;
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
/** How long closing may take once no job runs, or none is waited for any more. */
const CLOSE_MS = 2_000;
/** How long BullMQ waits at most for a delayed job. */
const LONGEST_WAIT_MS = 10_000;
/** How long Redis may take to answer a question on a new connection. */
const ANSWER_MS = 4_000;

/**
 * Serves every queue of the pool on shared slots, until drained.
 *
 * @throws Error when a queue has no handler, or what is none, naming the queue and the handlers that there are; when an
 *   option is not taken; when a handler's file is not there.
 */
export function startWorkers(options: WorkersOptions): Workers {
  const {
    config,
    redis: target,
    handlers,
    workerOptions,
    telemetry,
    log,
    locks = LOCK_TIMES,
    stuckAfterMs = STUCK_AFTER_MS,
  } = options;
  requireHandlers(config, handlers);
  for (const { queue } of config.queues) checkHandler(queue, handlers[queue]);
  checkWorkerOptions('workerOptions', workerOptions);
  const stop = new AbortController();
  const running = new RunningJobs();
  const weights = new Map(config.queues.map(({ queue, weight = 1 }) => [queue, weight]));
  const slots = new Slots(config.concurrency, { weights, now: monotonic });
  const suspects = new Suspects(slots, log, monotonic);
  const holding = openHolding(config.podName, log);
  const stuck = new StuckHandlers(slots, () => reports?.now());
  const redis = retryWhatIsRefusedForNow(openRedis(target, config.queues));
  const outages = new OutageLog(log, monotonic);
  let connectedSinceMs: number | undefined;
  let redisError: string | undefined;
  let locksRenewedMs = monotonic();
  const metrics = createWorkerMetrics(
    slots,
    () => connectedSinceMs !== undefined,
    () => stuck.count,
  );
  const lag = new EventLoopLag((ms) => metrics.lag.observe(ms / 1000), monotonic);
  lag.start();
  const meter = new UsageMeter(config.concurrency, { lag: () => lag.take(), stuckHandlers: () => stuck.count });
  const reports =
    config.pool && options.usage !== false ? startUsageReports(redis, config, log, options.usage, meter) : undefined;

  const served = config.queues.map(({ queue, name, prefix, jobTimeoutMs }) => {
    const progress: LoopProgress = {
      queue,
      step: 'slot',
      sinceMs: monotonic(),
      turnedMs: monotonic(),
      fetching: false,
    };
    const { handler, file, schema, options: own } = servedBy(queue, handlers[queue]!, () => worker);
    const process = createProcessor({
      queue,
      handler,
      schema,
      timeoutMs: jobTimeoutMs,
      log,
      metrics,
      now: monotonic,
      running,
      stuck,
      kill: file === undefined ? undefined : (job) => worker.files?.kill(job),
      handBack: async (job, token) => await worker.handBack(job, token),
      hadChildren: async (job) => await worker.hadChildren(job),
      limitQueue: async (ms) => await worker.limitQueue(ms),
    });
    const worker: QueueWorker = new QueueWorker({
      queue: name,
      process: reports?.measured(process) ?? process,
      file,
      redis,
      serve: async (loop) =>
        await serveQueue({ worker: loop, slots, suspects, progress, stop: stop.signal, log, outages, monotonic }),
      opts: {
        maxStalledCount: MAX_STALLED_COUNT,
        ...given(workerOptions),
        ...given(own),
        prefix,
        name: config.podName,
        lockDuration: locks.durationMs,
        lockRenewTime: locks.renewMs,
        stalledInterval: locks.searchMs,
        runRetryDelay: WRITE_RETRY_MS,
        ...(telemetry && { telemetry }),
      },
    });
    worker.on('completed', () => metrics.jobs.inc({ queue, outcome: 'completed' }));
    worker.on('failed', (job) => metrics.jobs.inc({ queue, outcome: willRunAgain(job) ? 'retried' : 'failed' }));
    worker.on('locksRenewed', () => (locksRenewedMs = monotonic()));
    // another pod may run such a job by now
    worker.on('lockRenewalFailed', (ids) => {
      locksRenewedMs = monotonic();
      for (const id of ids) worker.cancelJob(id, LOCK_LOST);
    });
    worker.on('error', (error) => outages.warn('worker error', { queue, error: error.message }));
    options.onWorker?.(worker, queue);
    return { worker, progress };
  });
  const loops = served.map(({ progress }) => progress);
  const resting = new Map(served.map(({ worker, progress }) => [progress, () => restReasons(worker, slots)]));
  const isResting = (loop: LoopProgress): boolean => rests(loop, resting.get(loop)!(), monotonic());
  const keys = new Map(served.map(({ worker, progress }) => [progress, worker.toKey('meta')]));
  const ask = async (late: readonly LoopProgress[]): Promise<boolean> =>
    await redisAnswers(
      target,
      late.flatMap((loop) => keys.get(loop) ?? []),
      ANSWER_MS,
    );
  const watch = new TurnWatch({ loops, rests: isResting, ask, stuckAfterMs, stop: stop.signal, monotonic });
  watch.start();
  const renewed = served.every(({ worker }) => !worker.opts.skipLockRenewal);

  const searchLostFetches = (): void => {
    for (const { worker } of served) worker.searchLostFetches();
  };
  redis.on('ready', () => {
    connectedSinceMs = monotonic();
    redisError = undefined;
    outages.connected();
    searchLostFetches();
  });
  // of a Redis Cluster, whose other connections go on
  redis.on('-node', searchLostFetches);
  redis.on('close', () => {
    outages.lost();
    connectedSinceMs = undefined;
    for (const progress of loops) progress.fetching = false;
  });
  redis.on('error', (error: Error) => {
    redisError = whyUnreachable(error);
    outages.warn('Redis error', { error: redisError });
  });

  const ended = served.map(async ({ worker, progress }) => {
    const held = await holding;
    worker.holdAs(held);
    await takeOver(worker, held, progress.queue, stop.signal, log);
    await worker.start();
  });

  return {
    metrics,
    health: () => ({
      nowMs: monotonic(),
      connectedSinceMs,
      redisError,
      draining: stop.signal.aborted,
      loops: loops.map((loop) => ({ ...loop, rests: isResting(loop) })),
      answersSinceMs: watch.answersSinceMs,
      stuckAfterMs,
      oldestJobMs: renewed ? running.oldestMs : undefined,
      locksRenewedMs,
      slots: { total: slots.total, taken: slots.taken, stuck: stuck.count },
    }),
    drain: async (hurry) => {
      const outcome = await drain(planDrain(config.gracePeriodMs, config.maxDrainTimeMs), {
        stop: () => stop.abort(),
        abort: () => running.stop(new JobStopped('the pod drains: its grace period is over')),
        handBack: () => running.handBack(new JobStopped('the pod drains: its drain time is over')),
        // a worker that was paused and resumed has another loop than the one it began with
        idle: Promise.all(ended).then(async () => await Promise.all(served.map(({ worker }) => worker.ended()))),
        hurry,
      });
      for (const { worker } of served) worker.killChildren();
      await Promise.race([
        Promise.all(served.map(({ worker }) => worker.close(true))),
        sleep(CLOSE_MS, undefined, { ref: false }),
      ]);
      lag.stop();
      await reports?.stop();
      redis.disconnect();
      // jobs of handlers that go on may have locks still
      if (outcome !== 'abandoned') (await holding).close();
      return outcome;
    },
  };
}

const monotonic = (): number => performance.now();

function restReasons(worker: QueueWorker, slots: Slots): RestReasons {
  const { maximumRateLimitDelay = 0, drainDelay = 0 } = worker.opts;
  return {
    limited: worker.limited,
    limitDelayMs: maximumRateLimitDelay,
    waitMs: Math.max(drainDelay * 1_000, LONGEST_WAIT_MS),
    freeSlots: slots.free,
  };
}

async function takeOver(
  worker: QueueWorker,
  holding: Holding,
  queue: string,
  stop: AbortSignal,
  log: Log,
): Promise<void> {
  try {
    const jobs = await answeredBeforeLeaving(worker.takeOver(holding), stop);
    if (jobs) log.warn('a process of this pod died; its jobs are run again', { queue, jobs });
  } catch (error) {
    log.warn(
      'cannot search for jobs that dead processes of this pod left behind; they run again once their locks end',
      { queue, error },
    );
  }
}

function requireHandlers({ queues }: WorkerConfig, handlers: Handlers): void {
  if (typeof (handlers as unknown) !== 'object' || (handlers as unknown) === null)
    throw new Error('no handlers are given: runWorkers({ handlers: { <name of a Queue>: <function> } })');
  const missing = queues.map(({ queue }) => queue).filter((queue) => !Object.hasOwn(handlers, queue));
  if (missing.length === 0) return;
  const known = Object.keys(handlers).join(', ') || 'none';
  throw new Error(
    `no handler for queue ${missing.join(', ')} (handlers: ${known}); add one, or take the queue out of spec.queues of the pool`,
  );
}

/** A job that will run again has no end: whatever kept it from it, attempts, a back-off strategy or its error. */
function willRunAgain(job: Job | undefined): boolean {
  return job !== undefined && job.finishedOn === undefined;
}

interface Served {
  handler: Handler;
  file?: string | URL | undefined;
  schema?: StandardSchema | undefined;
  options?: WorkerOptions | undefined;
}

/** What serves a queue; `worker` is asked for when the first job runs. */
function servedBy(queue: string, handlerOf: QueueHandler, worker: () => QueueWorker): Served {
  const inFile = fileOf(handlerOf);
  const options = typeof handlerOf === 'object' && 'options' in handlerOf ? handlerOf.options : undefined;
  checkWorkerOptions(`options of the handler of queue ${queue}`, options, inFile !== undefined);
  if (!inFile) return { ...partsOf(handlerOf as InProcessHandler), options };
  const handler = fileHandler(async (job, token, signal) => await worker().files!.run(job, token, signal));
  return { handler, file: inFile.file, schema: inFile.schema, options };
}
