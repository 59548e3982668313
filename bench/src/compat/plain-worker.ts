import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { runCompatJob } from './compat-job.ts';

// A worker per queue, as BullMQ's documentation writes it; of the version that `bullmq` is in this process.
const { REDIS_URL = '', RQ_QUEUES = '[]', RQ_CONCURRENCY, RQ_POD_NAME = '', WORKER_LOCKS = '{}' } = process.env;
const { durationMs, renewMs, searchMs } = JSON.parse(WORKER_LOCKS) as Record<string, number>;
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const workers = (JSON.parse(RQ_QUEUES) as { name: string; prefix: string }[]).map(
  ({ name, prefix }) =>
    new Worker(name, async (job) => await runCompatJob(connection, RQ_POD_NAME, job), {
      connection,
      prefix,
      name: RQ_POD_NAME,
      concurrency: Number(RQ_CONCURRENCY),
      maxStalledCount: 3,
      lockDuration: durationMs!,
      lockRenewTime: renewMs!,
      stalledInterval: searchMs!,
    }),
);
for (const worker of workers) worker.on('error', (error) => console.error(error.message));
process.once('SIGTERM', () => void Promise.all(workers.map((worker) => worker.close())).then(() => process.exit(0)));
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
console.log('ready');
