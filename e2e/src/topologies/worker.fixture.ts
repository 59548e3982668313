// The worker of a pool, as its image would have it.
import { runWorkers } from '@redis-queue/worker';

await runWorkers({ handlers: { emails: () => Promise.resolve('sent') } });
