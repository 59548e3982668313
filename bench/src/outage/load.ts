import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisServer } from '@redis-queue/rig';

export interface OutageLoad extends AsyncDisposable {
  /** The jobs that the pods would run at once. */
  setSlots(slots: number): void;
  /** Adds that many jobs in one go. */
  burst(jobs: number): Promise<void>;
}

export const JOB_MS = 500;
const RETRY_MS = 200;

/**
 * Producers and workers of one queue. The producers add a job every `everyMs`, and what they could not add during an
 * outage right after it, as clients that wait for their Redis do.
 *
 * @param everyMs undefined: only bursts.
 */
export function startOutageLoad(server: RedisServer, name: string, everyMs: number | undefined): OutageLoad {
  const { host, port, password } = server;
  const options = { host, port, ...(password && { password }), maxRetriesPerRequest: null };
  const connect = (): Redis => {
    const redis = new Redis({ ...options, retryStrategy: () => RETRY_MS });
    redis.on('error', () => {}); // The outage is what is tried here.
    return redis;
  };
  const [producing, working] = [connect(), connect()];
  const queue = new Queue(name, { connection: producing, skipMetasUpdate: true });
  // A stalled job would run twice; a lock that outlives the outage keeps the load the same in every case.
  const worker = new Worker(name, () => sleep(JOB_MS), {
    connection: working,
    runRetryDelay: RETRY_MS,
    lockDuration: 300_000,
  });
  queue.on('error', () => {});
  worker.on('error', () => {});
  const add = (): void => void queue.add('steady', {}).catch(() => {});
  const steady = everyMs === undefined ? undefined : setInterval(add, everyMs);
  return {
    setSlots: (slots) => void (worker.concurrency = Math.max(1, slots)),
    burst: async (jobs) =>
      void (await queue.addBulk(Array.from({ length: jobs }, () => ({ name: 'burst', data: {} })))),
    [Symbol.asyncDispose]: async () => {
      clearInterval(steady);
      await worker.close(true);
      await queue.obliterate({ force: true });
      for (const redis of [producing, working]) redis.disconnect();
    },
  };
}
