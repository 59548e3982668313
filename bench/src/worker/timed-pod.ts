import { runWorkers } from '@redis-queue/worker';
import { createTimedHandler } from './timed-job.ts';

// A worker pod of this project, for jobs that run for a time of their own.
const { REDIS_URL, RQ_QUEUES } = process.env;
const handler = createTimedHandler(REDIS_URL!);
const queues = (JSON.parse(RQ_QUEUES!) as { queue: string }[]).map(({ queue }) => queue);
await runWorkers({ handlers: Object.fromEntries(queues.map((queue) => [queue, handler])) });
