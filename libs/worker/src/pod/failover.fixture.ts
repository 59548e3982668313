// A worker pod whose handlers touch nothing but their jobs, for tests in which Redis fails over.
import { setTimeout as sleep } from 'node:timers/promises';
import { runWorkers, type Handler } from '@redis-queue/worker';

const work: Handler<{ runMs: number }> = async (job, { signal }) => {
  await sleep(job.data.runMs, undefined, { signal });
};
await runWorkers({ handlers: { a: work, b: work } });
