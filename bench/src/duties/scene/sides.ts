import { createLog, startWorkers, type Handler, type PoolWorker } from '@redis-queue/worker';
import { RateLimitError, Worker, type Job } from 'bullmq';
import { LOCKS, type Side } from './scene.ts';

const POD = 'pod-0';
const MAX_STALLED_COUNT = 3;
/** Of a test's run; nothing that is compared takes as long. */
const LONG_MS = 60_000;
const SILENT = createLog('error', Date.now, () => undefined);
const NEVER = new AbortController().signal;

/** BullMQ's Worker as its documentation uses it, with the lock times and the name that our pods have. */
export const PLAIN: Side = {
  name: 'plain',
  serve: ({ port, prefix, queue }, run, { file, options, concurrency = 1, locks = LOCKS, telemetry }) => {
    const rateLimit = async (ms: number): Promise<never> => {
      await worker.rateLimit(ms);
      throw new RateLimitError();
    };
    // three parameters: BullMQ gives a signal only to those who take it
    const process = async (job: Job, _token?: string, signal?: AbortSignal): Promise<unknown> =>
      await run(job, { signal: signal!, rateLimit, worker });
    const worker: Worker = new Worker(queue, file ?? process, {
      maxStalledCount: MAX_STALLED_COUNT,
      ...options,
      connection: { port, connectionName: prefix, maxRetriesPerRequest: null },
      prefix,
      name: POD,
      concurrency,
      lockDuration: locks.durationMs,
      lockRenewTime: locks.renewMs,
      stalledInterval: locks.searchMs,
      runRetryDelay: 1_000,
      ...(telemetry && { telemetry }),
    });
    worker.on('error', () => undefined);
    return { worker, stop: async () => await worker.close() };
  },
};

/** This project's library, as `runWorkers` runs it. */
export const OURS: Side = {
  name: 'ours',
  serve: ({ port, prefix, queue }, run, { file, options, concurrency = 1, locks = LOCKS, telemetry }) => {
    let worker: PoolWorker | undefined;
    const handler: Handler = async (job, { signal, rateLimit }) =>
      await run(job, { signal, rateLimit, worker: worker! });
    const workers = startWorkers({
      config: {
        queues: [{ queue, name: queue, prefix }],
        concurrency,
        pool: '',
        namespace: '',
        version: '',
        podName: POD,
        gracePeriodMs: LONG_MS,
        maxDrainTimeMs: 2 * LONG_MS,
        httpPort: 0,
      },
      redis: { port, connectionName: prefix, maxRetriesPerRequest: null },
      handlers: { [queue]: file ?? handler },
      workerOptions: options,
      onWorker: (started) => (worker = started),
      telemetry,
      log: SILENT,
      locks,
      usage: false,
    });
    return { worker: worker!, stop: async () => void (await workers.drain(NEVER)) };
  },
};
