import { hostname } from 'node:os';
import { workerConfigFromEnvironment, type WorkerEnvironment } from './config.ts';
import { liveness, readiness } from './health.ts';
import { serveHttp } from './http.ts';
import { createLog, type Log } from './log.ts';
import { redisOptionsFromEnvironment } from './redis-env.ts';
import { startWorkers, type Handlers, type Schemas } from './workers.ts';

export interface RunOptions {
  /** What runs the jobs of each queue, by the Queue's `metadata.name`. */
  handlers: Handlers;
  /** What a queue's job data has to look like (Zod, Valibot, …); a job that does not fit fails for good, at once. */
  schemas?: Schemas;
  /** The pod contract; the process's environment when absent. */
  env?: WorkerEnvironment;
  log?: Log;
}

/**
 * Runs a worker pod to its end: serves the queues, the probes and the metrics; drains on SIGTERM or SIGINT, at once on
 * the second; then exits with 0, or with 1 when it could not start. Call it last in `main.ts`.
 */
export async function runWorkers({ handlers, schemas, env = process.env, log: given }: RunOptions): Promise<void> {
  const log = given ?? createLog('info', Date.now, (line) => process.stdout.write(line));
  const told = nextSignal();
  try {
    const config = workerConfigFromEnvironment(env, hostname());
    const workers = startWorkers({ config, redis: redisOptionsFromEnvironment(env), handlers, schemas, log });
    const { registry } = workers.metrics;
    const http = await serveHttp(config.httpPort, {
      livez: () => liveness(workers.health()),
      readyz: () => readiness(workers.health()),
      registry,
    });
    const { pool, podName, version, concurrency } = config;
    log.info('serving', { pool, pod: podName, version, concurrency, queues: config.queues.map(({ queue }) => queue) });

    const signal = await told;
    const hurry = new AbortController();
    void nextSignal().then(() => hurry.abort());
    log.info('draining', { signal, gracePeriodMs: config.gracePeriodMs, maxDrainTimeMs: config.maxDrainTimeMs });
    const outcome = await workers.drain(hurry.signal);
    log.info('drained', { outcome });
    http.close();
    // handlers that ignored their signal may still run: their jobs are another pod's now
    process.exit(0);
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
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
