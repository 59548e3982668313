import type { Redis } from 'ioredis';

/**
 * The worker's half of the ledger: what ran, by job id. Whoever added the jobs has the other half and compares.
 * Stored in the queue's own Redis, in two hashes per run: starts and effects.
 */
export interface Ledger {
  /** Counts a start; returns how often the job has started, this one included. */
  start(run: string, jobId: string): Promise<number>;
  /** The effect of the job, the last thing it does. A count of 2 means that it was done twice. */
  effect(run: string, jobId: string): Promise<void>;
}

export function ledgerIn(redis: Redis): Ledger {
  return {
    start: async (run, jobId) => await redis.hincrby(`ledger:${run}:starts`, jobId, 1),
    effect: async (run, jobId) => void (await redis.hincrby(`ledger:${run}:effects`, jobId, 1)),
  };
}
