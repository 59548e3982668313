import { Redis } from 'ioredis';
import type { Job } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';

/** The data of a job of the benches. */
export interface InterruptedJob {
  /** Whether its first run ends when its signal aborts; otherwise only with its process. */
  listens: boolean;
}

/** What the runs of the jobs leave in Redis, apart from BullMQ: hashes by `<queue>:<job id>`. */
export const LEDGER = { starts: 'ledger:starts', startedAt: 'ledger:started-at', effects: 'ledger:effects' } as const;

const ENDLESS_MS = 3_600_000;
const SECOND_RUN_MS = 10;

/**
 * The handler of the benches: a job's first run never ends by itself, every later one soon does, with an effect that
 * the ledger counts.
 */
export function createInterruptedHandler(redisUrl: string): (job: Job, signal?: AbortSignal) => Promise<void> {
  const ledger = new Redis(redisUrl, { maxRetriesPerRequest: null });
  return async (job, signal) => {
    const key = `${job.queueName}:${job.id}`;
    await ledger.hset(LEDGER.startedAt, key, Date.now());
    const run = await ledger.hincrby(LEDGER.starts, key, 1);
    const { listens } = job.data as InterruptedJob;
    if (run === 1) await sleep(ENDLESS_MS, undefined, listens && signal ? { signal } : {});
    else await sleep(SECOND_RUN_MS);
    await ledger.hincrby(LEDGER.effects, key, 1);
  };
}
