import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { Redis } from 'ioredis';

/** The data of a job that runs for a time of its own. */
export interface TimedJob {
  runMs: number;
  /** A key of Redis that has to be there before it ends. */
  until?: string;
  /** Its first run fails at once. */
  failsFirst?: boolean;
  /** It kills its process when its time is over. */
  kills?: boolean;
}

/** What the runs of these jobs leave in Redis, apart from BullMQ: hashes by `<queue>:<job id>`. */
export const TIMES = {
  starts: 'times:starts',
  startedAt: 'times:started-at',
  /** Process id of the run that began last. */
  process: 'times:process',
  completions: 'times:completions',
} as const;

const LOOK_MS = 50;

async function untilThere(ledger: Redis, key: string): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- asks until it is there
  while (!(await ledger.exists(key))) await sleep(LOOK_MS);
}

export function createTimedHandler(redisUrl: string): (job: Job) => Promise<void> {
  const ledger = new Redis(redisUrl, { maxRetriesPerRequest: null });
  return async (job) => {
    const key = `${job.queueName}:${job.id}`;
    const { runMs, until, failsFirst, kills } = job.data as TimedJob;
    await ledger.hset(TIMES.process, key, process.pid);
    await ledger.hset(TIMES.startedAt, key, Date.now());
    const run = await ledger.hincrby(TIMES.starts, key, 1);
    if (failsFirst && run === 1) throw new Error('its first run fails');
    await sleep(runMs);
    if (until !== undefined) await untilThere(ledger, until);
    if (kills) process.kill(process.pid, 'SIGKILL');
    await ledger.hincrby(TIMES.completions, key, 1);
  };
}
