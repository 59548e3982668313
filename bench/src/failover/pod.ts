import { setTimeout as sleep } from 'node:timers/promises';
import { runWorkers, type Handler } from '@redis-queue/worker';
import { Redis } from 'ioredis';
import { LEDGER, type RunEnd } from './ledger.ts';

// A worker pod of this project whose jobs note in a Redis of their own that they ran: that one does not fail over.
const { LEDGER_URL, RQ_QUEUES, RQ_POD_NAME } = process.env;
const ledger = new Redis(LEDGER_URL!, { maxRetriesPerRequest: null });

const run: Handler<{ runMs: number }> = async (job) => {
  await ledger.hincrby(LEDGER.starts, job.id!, 1);
  await sleep(job.data.runMs);
  const end: RunEnd = {
    pod: RQ_POD_NAME!,
    queue: job.queueName,
    id: job.id!,
    addedMs: job.timestamp,
    endedMs: Date.now(),
  };
  await ledger.rpush(LEDGER.ends, JSON.stringify(end));
};
const queues = (JSON.parse(RQ_QUEUES!) as { queue: string }[]).map(({ queue }) => queue);
await runWorkers({ handlers: Object.fromEntries(queues.map((queue) => [queue, run])) });
