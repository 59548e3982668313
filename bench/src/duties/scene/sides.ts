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
  serve: ({ port, prefix, queues }, run, { file, options, concurrency = 1, locks = LOCKS, telemetry }) => {
    const workers = queues.map((queue) => {
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
      // as BullMQ's page on cancelling jobs says: by itself it goes on
      worker.on('lockRenewalFailed', (ids) => {
        for (const id of ids) worker.cancelJob(id, 'its lock was lost');
      });
      return worker;
    });
    const stop = async (): Promise<void> =>
      void (await Promise.all(workers.map(async (worker) => await worker.close())));
    return { worker: workers[0]!, workers, stop };
  },
};

/** This project's library, as `runWorkers` runs it. */
export const OURS: Side = {
  name: 'ours',
  serve: ({ port, prefix, queues }, run, { file, options, concurrency = 1, locks = LOCKS, telemetry }) => {
    const started: PoolWorker[] = [];
    const handlers = queues.map((queue, i) => {
      const handler: Handler = async (job, { signal, rateLimit }) =>
        await run(job, { signal, rateLimit, worker: started[i]! });
      return [queue, file ?? handler] as const;
    });
    const workers = startWorkers({
      config: {
        queues: queues.map((queue) => ({ queue, name: queue, prefix })),
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
      handlers: Object.fromEntries(handlers),
      workerOptions: options,
      onWorker: (worker) => void started.push(worker),
      telemetry,
      log: SILENT,
      locks,
      usage: false,
    });
    const stop = async (): Promise<void> => void (await workers.drain(NEVER));
    return { worker: started[0]!, workers: started, stop };
  },
};
