import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { LEDGER, type CompatJob } from './ledger.ts';

/** The handler of every worker in JavaScript: its effect is the last thing that it does. */
export async function runCompatJob(ledger: Redis, worker: string, job: Job, signal?: AbortSignal): Promise<void> {
  const { key, runMs, failTimes } = job.data as CompatJob;
  const note = async (event: string): Promise<unknown> =>
    await ledger.xadd(LEDGER.runs, '*', 'worker', worker, 'queue', job.queueName, 'key', key, 'event', event);
  await note('start');
  await sleep(runMs, undefined, signal ? { signal } : {});
  if (job.attemptsMade < failTimes) throw new Error('planned failure');
  await note('effect');
}
