import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createInterruptedHandler } from './interrupted-job.ts';

// A worker as BullMQ's documentation writes it, with all of its defaults but for the concurrency and `maxStalledCount`.
const { REDIS_URL, RQ_QUEUES, RQ_CONCURRENCY } = process.env;
const handler = createInterruptedHandler(REDIS_URL!);
for (const { name, prefix } of JSON.parse(RQ_QUEUES!) as { name: string; prefix: string }[]) {
  const connection = new Redis(REDIS_URL!, { maxRetriesPerRequest: null });
  const concurrency = Number(RQ_CONCURRENCY);
  const options = { connection, prefix, concurrency, maxStalledCount: 3 };
  await new Worker(name, async (job) => await handler(job), options).waitUntilReady();
}
console.log('connected to Redis');
