import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { RUNS_KEY } from './runs.ts';

// Runs the jobs of the schedulers as any worker of BullMQ would, and notes when each began.
const connection = new Redis(process.env['REDIS_URL'] ?? '', { maxRetriesPerRequest: null });
const workers = (process.env['QUEUES'] ?? '').split(',').map(
  (queue) =>
    new Worker(
      queue,
      async ({ name, id = '' }) => {
        const slotMs = Number(id.split(':').at(-1));
        await connection.rpush(
          RUNS_KEY,
          JSON.stringify({ scheduler: `${queue}/${name}`, slotMs, startedMs: Date.now() }),
        );
      },
      { connection, concurrency: 10 },
    ),
);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
console.log('ready');
