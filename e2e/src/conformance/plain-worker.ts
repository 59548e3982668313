// A pod of plain BullMQ that keeps level 0 of the pod contract: docs/pod-contract.md shows it.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

const { REDIS_URL, RQ_QUEUES, RQ_CONCURRENCY, RQ_POD_NAME } = process.env;
const queues = JSON.parse(RQ_QUEUES!) as { name: string; prefix: string }[];
const connection = new Redis(REDIS_URL!, { maxRetriesPerRequest: null });

const workers = queues.map(
  ({ name, prefix }) =>
    new Worker(name, async (job) => await sleep((job.data as { sendMs: number }).sendMs), {
      connection,
      prefix,
      name: RQ_POD_NAME!,
      concurrency: Math.floor(Number(RQ_CONCURRENCY) / queues.length),
      maxStalledCount: 3,
      lockDuration: 24_000,
      lockRenewTime: 4_000,
      stalledInterval: 4_000,
    }),
);

process.on('SIGTERM', () => void Promise.all(workers.map((worker) => worker.close())).then(() => process.exit(0)));
