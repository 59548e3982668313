import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { LEDGER, type CompatJob } from './ledger.ts';
import { optionsOf } from './mix.ts';

// Adds jobs as any application does; with the BullMQ that `bullmq` is in this process. `producer.py` does the same.
const { REDIS_URL = '', RQ_QUEUES = '[]', PRODUCER, PRODUCER_JOBS, PRODUCER_MS } = process.env;
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queues = (JSON.parse(RQ_QUEUES) as { name: string; prefix: string }[]).map(
  ({ name, prefix }) => new Queue(name, { connection, prefix }),
);
const pauseMs = Number(PRODUCER_MS) / Number(PRODUCER_JOBS);
for (let n = 0; n < Number(PRODUCER_JOBS); n++) {
  const queue = queues[n % queues.length]!;
  const key = `${PRODUCER}-${n}`;
  const { runMs, failTimes, ...opts } = optionsOf(n);
  // Noted first: a job that was added and is not noted would not be missed.
  await connection.xadd(LEDGER.added, '*', 'queue', queue.name, 'key', key);
  await queue.add('job', { key, runMs, failTimes } satisfies CompatJob, opts);
  await sleep(pauseMs);
}
connection.disconnect();
