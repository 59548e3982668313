import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createTimedHandler } from './timed-job.ts';

// A worker of plain BullMQ without a name, beside pods of this project: of its jobs nothing says who runs them.
const { REDIS_URL, RQ_QUEUES, RQ_CONCURRENCY } = process.env;
const handler = createTimedHandler(REDIS_URL!);
for (const { name, prefix } of JSON.parse(RQ_QUEUES!) as { name: string; prefix: string }[]) {
  const connection = new Redis(REDIS_URL!, { maxRetriesPerRequest: null });
  const options = { connection, prefix, concurrency: Number(RQ_CONCURRENCY), maxStalledCount: 3 };
  await new Worker(name, handler, options).waitUntilReady();
}
console.log('connected to Redis');
