import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

// Keeps a queue full and workers busy with jobs that do nothing, for `startSaturation`. Finished jobs stay.
const { REDIS_URL = '', QUEUE = '' } = process.env;
const ADDED_AT_ONCE = 500;
const FEWEST_WAITING = 2_000;

const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue(QUEUE, { connection, skipMetasUpdate: true });
const worker = new Worker(QUEUE, () => Promise.resolve(), { connection, concurrency: 50 });
await worker.waitUntilReady();
const jobs = Array.from({ length: ADDED_AT_ONCE }, () => ({ name: 'job', data: {} }));
console.log('saturated');
for (;;) {
  if ((await queue.getWaitingCount()) < FEWEST_WAITING) await queue.addBulk(jobs);
  else await new Promise((resolve) => setTimeout(resolve, 20));
}
