import type { Resource } from '@redis-queue/controller';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { untilNone, type ObjectWatch } from '../cluster-objects/object-watch.ts';

export interface Deployment extends Resource {
  spec: { replicas: number };
}

interface PoolToWake {
  readonly deployment: string;
  readonly queue: string;
  /** Of the queue's keys; default that of BullMQ. */
  readonly prefix?: string;
}

const TIMEOUT_MS = 60_000;

/**
 * Adds a job to the queue, waits until the Deployment of its pool has a size, and finishes the job, so that the pool goes
 * back to zero.
 *
 * @returns from the job to the size, ms.
 */
export async function wakePool(
  redis: Redis,
  deployments: ObjectWatch<Deployment>,
  { deployment, queue: name, prefix = 'bull' }: PoolToWake,
): Promise<number> {
  const queue = new Queue(name, { connection: redis, prefix, skipMetasUpdate: true });
  const worker = new Worker(name, null, { connection: redis, prefix, autorun: false });
  await worker.waitUntilReady();
  const sized = untilSized(deployments, deployment, (replicas) => replicas > 0, TIMEOUT_MS);
  const addedMs = performance.now();
  const { id } = await queue.add('first', {});
  const wokenMs = (await sized) - addedMs;
  const job = await worker.getNextJob('bench');
  await job?.moveToCompleted('done', 'bench', false);
  if (job?.id !== id || (await job?.getState()) !== 'completed')
    throw new Error(`job ${id} of ${name} was not there to complete, but ${job?.id}`);
  await worker.close();
  return wokenMs;
}

/**
 * Resolves, with the time, as soon as the watch shows a size of the Deployment that fits; at once when it already does.
 */
export async function untilSized(
  deployments: ObjectWatch<Deployment>,
  name: string,
  fits: (replicas: number) => boolean,
  timeoutMs: number,
): Promise<number> {
  const misfit = deployments.unfit(({ metadata, spec }) => metadata.name !== name || fits(spec.replicas));
  return await untilNone([misfit], timeoutMs, `Deployment ${name} to change its size`);
}
