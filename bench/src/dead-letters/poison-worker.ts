import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { QUEUE, RUNS_KEY, type PoisonJob } from './poison.ts';

// Runs the poison jobs as any worker of BullMQ would: each run is counted, and fails.
const connection = new Redis(process.env['REDIS_URL'] ?? '', { maxRetriesPerRequest: null });
const worker = new Worker<PoisonJob>(
  QUEUE.name,
  async ({ data: { index } }) => {
    await connection.hincrby(RUNS_KEY, String(index), 1);
    throw new Error(`poison ${index}`);
  },
  { connection, concurrency: 50 },
);
await worker.waitUntilReady();
console.log('ready');
