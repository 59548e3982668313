import { startProcess, type ChildHandle } from '@redis-queue/rig';

/** Of each busy queue: a job of a second every two seconds keeps a pool of few queues at one pod. */
const JOBS_PER_SECOND = 0.5;
const RUN_MS = 1_000;

/**
 * Keeps queues of a Redis busy until it is stopped, in a process of its own: jobs at random times, and BullMQ workers
 * that run them. Resolves once the workers are connected.
 */
export async function startBusyQueues(redisUrl: string, queues: readonly string[]): Promise<ChildHandle> {
  const child = startProcess(process.execPath, [`${import.meta.dirname}/busy-queues-process.ts`], {
    env: {
      REDIS_URL: redisUrl,
      BUSY_QUEUES: JSON.stringify(queues),
      JOBS_PER_SECOND: String(queues.length * JOBS_PER_SECOND),
      RUN_MS: String(RUN_MS),
    },
  });
  await child.waitForLine(/^busy$/, { timeoutMs: 120_000 });
  return child;
}
