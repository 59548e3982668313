import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Slots } from '../queues/slots.ts';

export type JobOutcome = 'completed' | 'failed' | 'retried' | 'rate_limited' | 'handed_back';

export interface WorkerMetrics {
  registry: Registry;
  jobs: Counter<'queue' | 'outcome'>;
  wait: Histogram<'queue'>;
  run: Histogram<'queue'>;
  lag: Histogram;
}

/** Seconds; from a wait that nobody notices to an hour. */
const WAIT_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600];
const LAG_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const RUN_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600];

/** Gauges of prom-client with a name for counters, which `promtool check metrics` refuses; those by type say the same. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The metrics of a pod; `connected` and `stuckHandlers` are called at each scrape. */
export function createWorkerMetrics(
  slots: Slots,
  connected: () => boolean,
  stuckHandlers: () => number,
): WorkerMetrics {
  const registers = [new Registry()] as const;
  const [registry] = registers;
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const slotGauge = new Gauge({
    name: 'redis_queue_worker_slots',
    help: "The pod's slots (its concurrency), by whether a job runs on them, or a handler that does not end.",
    labelNames: ['state'],
    registers: [...registers],
    collect: () => {
      slotGauge.set({ state: 'active' }, slots.taken);
      slotGauge.set({ state: 'free' }, slots.total - slots.taken);
    },
  });
  const stuckGauge: Gauge = new Gauge({
    name: 'redis_queue_worker_stuck_handlers',
    help: 'Handlers that go on although their job has failed by jobTimeout; each has taken a slot from the pod.',
    registers: [...registers],
    collect: () => stuckGauge.set(stuckHandlers()),
  });
  const redisGauge: Gauge = new Gauge({
    name: 'redis_queue_worker_redis_connected',
    help: '1 while the connection to Redis is up.',
    registers: [...registers],
    collect: () => redisGauge.set(connected() ? 1 : 0),
  });
  return {
    registry,
    lag: new Histogram({
      name: 'redis_queue_worker_event_loop_lag_seconds',
      help: 'How long what was due waited for the event loop, 20 times per second; a block counts for all that it delayed.',
      buckets: LAG_BUCKETS,
      registers: [...registers],
    }),
    jobs: new Counter({
      name: 'redis_queue_worker_jobs_total',
      help: 'Runs of jobs, by outcome: completed, failed (for good), retried (will run again), rate_limited (the handler asked to wait), handed_back (drained).',
      labelNames: ['queue', 'outcome'],
      registers: [...registers],
    }),
    wait: new Histogram({
      name: 'redis_queue_worker_job_wait_seconds',
      help: 'From the time a job was ready to its first start; without parents of flows. Clocks of producer and worker.',
      labelNames: ['queue'],
      buckets: WAIT_BUCKETS,
      registers: [...registers],
    }),
    run: new Histogram({
      name: 'redis_queue_worker_job_run_seconds',
      help: 'How long a run took, whatever its outcome.',
      labelNames: ['queue'],
      buckets: RUN_BUCKETS,
      registers: [...registers],
    }),
  };
}

/**
 * How long a job was ready before it started, in ms; undefined for later attempts, whose ready time is not stored. That
 * of a job that had children is not stored either, which the job does not tell: it was ready when the last of them ended.
 */
export function waitOf(job: {
  timestamp: number;
  processedOn?: number;
  attemptsStarted: number;
  opts: { delay?: number };
}): number | undefined {
  if (job.processedOn === undefined || job.attemptsStarted > 1) return undefined;
  return Math.max(0, job.processedOn - job.timestamp - (job.opts.delay ?? 0));
}
