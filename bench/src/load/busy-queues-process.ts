import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { exponential, seededRandom } from '@redis-queue/simulator';

// Keeps queues busy for `startBusyQueues`: jobs at random times (Poisson) over all of them, real workers that run them.
const { REDIS_URL = '', BUSY_QUEUES = '[]', JOBS_PER_SECOND = '1', RUN_MS = '1000' } = process.env;
const names = JSON.parse(BUSY_QUEUES) as string[];
const random = seededRandom(1);
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queues = names.map((name) => new Queue(name, { connection, skipMetasUpdate: true }));
const workers = names.map((name) => new Worker(name, () => sleep(Number(RUN_MS)), { connection, concurrency: 10 }));
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
console.log('busy');
// The autoscaler reads waits and service times from what has finished; a long run must not fill the memory with it.
const retention = { removeOnComplete: { count: 1_000 } };
let dueMs = performance.now();
while (queues.length > 0) {
  dueMs += exponential(1_000 / Number(JOBS_PER_SECOND))(random);
  await sleep(Math.max(0, dueMs - performance.now()));
  await queues[Math.floor(random() * queues.length)]!.add('busy', {}, retention);
}
