import { redisOptionsFromEnvironment, runWorkers } from '@redis-queue/worker';
import { Redis } from 'ioredis';
import { runCompatJob } from './compat-job.ts';

// A pod of this project's library, on the BullMQ that `bullmq` is in this process.
const { RQ_QUEUES = '[]', RQ_POD_NAME = '', WORKER_LOCKS = '{}' } = process.env;
const ledger = new Redis(redisOptionsFromEnvironment(process.env));
const queues = (JSON.parse(RQ_QUEUES) as { queue: string }[]).map(({ queue }) => queue);
console.log('ready');
await runWorkers({
  handlers: Object.fromEntries(
    queues.map((queue) => [queue, (job, { signal }) => runCompatJob(ledger, RQ_POD_NAME, job, signal)]),
  ),
  locks: JSON.parse(WORKER_LOCKS) as { durationMs: number; renewMs: number; searchMs: number },
});
