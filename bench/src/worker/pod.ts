import { runWorkers } from '@redis-queue/worker';
import { createInterruptedHandler } from './interrupted-job.ts';

// A worker pod of this project: the pod contract comes in the environment.
const { REDIS_URL, RQ_QUEUES } = process.env;
const handler = createInterruptedHandler(REDIS_URL!);
const queues = (JSON.parse(RQ_QUEUES!) as { queue: string }[]).map(({ queue }) => queue);
await runWorkers({
  handlers: Object.fromEntries(queues.map((queue) => [queue, (job, { signal }) => handler(job, signal)])),
});
