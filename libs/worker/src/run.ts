import { hostname } from 'node:os';
import type { Telemetry } from 'bullmq';
import type { Registry } from 'prom-client';
import { workerConfigFromEnvironment, type WorkerEnvironment } from './environment/config.ts';
import { redisOptionsFromEnvironment } from './environment/redis-env.ts';
import { lastWork } from './log/last-work.ts';
import { createLog, type Log } from './log/log.ts';
import { liveness, readiness, reportedOnce } from './observability/health.ts';
import { expositionOf, serveHttp } from './observability/http.ts';
import type { LockTimes } from './queues/lock-times.ts';
import { whereToGive, type WorkerOptions } from './queues/worker-options.ts';
import type { UsageTimes } from './usage/report.ts';
import { startWorkers, type Handlers, type PoolWorker } from './workers/workers.ts';

export interface RunOptions {
  /** What runs the jobs of each queue, by the Queue's `metadata.name`. */
  handlers: Handlers;
  /**
   * Options of BullMQ's Worker, for all queues: `settings.backoffStrategy`, `limiter`, `metrics`, `removeOnComplete` …
   * Those of a handler go before them. What a pod decides itself (docs/workers.md, Options) is refused at the start.
   */
  workerOptions?: WorkerOptions;
  /** Called with the worker of each queue before it fetches: the place to listen to its events. */
  onWorker?: (worker: PoolWorker, queue: string) => void;
  /**
   * Traces every job as a part of what its producer traced, such as `new BullMQOtel()` of the package bullmq-otel.
   * Without it nothing of OpenTelemetry is loaded.
   */
  telemetry?: Telemetry;
  /** Metrics of yours, such as prom-client's default `register`; /metrics serves them beside the pod's own. */
  registry?: Registry;
  /**
   * Called when no job runs any more, before the process exits: the place to flush traces and close connections of
   * yours. It has 5 s; a failure is logged.
   */
  onDrained?: () => Promise<unknown>;
  /** The pod contract; the process's environment when absent. */
  env?: WorkerEnvironment;
  log?: Log;
  /**
   * Whether the pod reports in Redis what CPU and memory it uses, from which the autoscaler derives advice for the
   * pool's status. Default: true.
   */
  reportUsage?: boolean;
  /**
   * How long the loop that fetches from a queue may not turn, although Redis answers on another connection, a slot is
   * free and the queue is neither paused nor limited, until `/livez` fails and the kubelet starts the container again;
   * ms. Default: 60,000.
   */
  stuckAfterMs?: number;
  /** @internal For tests that wait for locks to end. */
  locks?: LockTimes;
  /** @internal For tests that wait for reports of usage. */
  usageTimes?: UsageTimes;
}

const OPTIONS = {
  handlers: true,
  workerOptions: true,
  onWorker: true,
  telemetry: true,
  registry: true,
  onDrained: true,
  env: true,
  log: true,
  reportUsage: true,
  stuckAfterMs: true,
  locks: true,
  usageTimes: true,
} as const satisfies Record<keyof RunOptions, true>;

/** The kubelet waits 15 s longer than the drain may take; the rest is for closing connections. */
const LAST_WORK_MS = 5_000;

/**
 * Runs a worker pod to its end: serves the queues, the probes and the metrics; drains on SIGTERM or SIGINT, at once on
 * the second; then exits with 0, or with 1 when it could not start or had to leave jobs behind. Call it last in
 * `main.ts`.
 */
export async function runWorkers(options: RunOptions): Promise<void> {
  const { handlers, telemetry, env = process.env, log: given, locks, reportUsage = true } = options;
  const usage = reportUsage && options.usageTimes;
  const log = given ?? createLog('info', Date.now, (line) => process.stdout.write(line));
  const firstSignal = nextSignal();
  try {
    checkNames(options);
    checkTime('stuckAfterMs', options.stuckAfterMs);
    const config = workerConfigFromEnvironment(env, hostname());
    const workers = startWorkers({
      config,
      redis: redisOptionsFromEnvironment(env),
      handlers,
      workerOptions: options.workerOptions,
      onWorker: options.onWorker,
      telemetry,
      log,
      locks,
      stuckAfterMs: options.stuckAfterMs,
      usage,
    });
    const alive = reportedOnce(
      () => liveness(workers.health()),
      (reason) => log.error('not alive; the kubelet will start the container again', { reason }),
    );
    const http = await serveHttp(config.httpPort, {
      livez: alive,
      readyz: () => readiness(workers.health()),
      metrics: expositionOf(workers.metrics.registry, options.registry, (metric, error) =>
        log.warn('a metric of the registry given to runWorkers fails; it is left out', { metric, error }),
      ),
    });
    const { pool, podName, version, concurrency } = config;
    log.info('serving', { pool, pod: podName, version, concurrency, queues: config.queues.map(({ queue }) => queue) });

    const signal = await firstSignal;
    const hurry = new AbortController();
    void nextSignal().then(() => hurry.abort());
    log.info('draining', { signal, gracePeriodMs: config.gracePeriodMs, maxDrainTimeMs: config.maxDrainTimeMs });
    const outcome = await workers.drain(hurry.signal);
    log.info('drained', { outcome });
    await lastWork(options.onDrained, LAST_WORK_MS, log);
    http.close();
    // handlers that ignored their signal may still run: their jobs are another pod's now
    process.exit(outcome === 'abandoned' ? 1 : 0);
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error), { error });
    process.exit(1);
  }
}

/** A program in plain JavaScript has no types: a limiter in the wrong place would limit nothing, without a word. */
function checkNames(options: object): void {
  const names = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const other = names.find((name) => !Object.hasOwn(OPTIONS, name));
  if (other !== undefined) throw new Error(`runWorkers: ${other} is not taken: ${whereToGive(other)}`);
}

function checkTime(name: string, ms: number | undefined): void {
  if (ms === undefined || (Number.isFinite(ms) && ms >= 1_000)) return;
  throw new Error(`runWorkers: ${name} has to be a number of milliseconds from 1,000 on, not ${String(ms)}`);
}

async function nextSignal(): Promise<NodeJS.Signals> {
  return await new Promise((resolve) => {
    const arrived = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', arrived);
      process.off('SIGINT', arrived);
      resolve(signal);
    };
    process.on('SIGTERM', arrived);
    process.on('SIGINT', arrived);
  });
}
