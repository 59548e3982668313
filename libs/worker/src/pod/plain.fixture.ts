// A worker as BullMQ's documentation writes it, without this library: what an image of plain BullMQ does in a pool.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Worker } from 'bullmq';
import type { LockTimes } from '../queues/lock-times.ts';

const { REDIS_URL, RQ_QUEUES, RQ_CONCURRENCY, RQ_POD_NAME, TEST_LOCKS } = process.env;
const [served] = JSON.parse(RQ_QUEUES!) as { name: string; prefix: string }[];
const locks = TEST_LOCKS ? (JSON.parse(TEST_LOCKS) as LockTimes) : undefined;
const connection = new Redis(REDIS_URL!, { maxRetriesPerRequest: null });

const worker = new Worker(
  served!.name,
  async (job) => {
    await connection.rpush('starts', `${job.queueName}:${job.id}`);
    await sleep((job.data as { runMs: number }).runMs);
    await connection.hincrby('finished', `${job.queueName}:${job.id}`, 1);
  },
  {
    connection,
    prefix: served!.prefix,
    concurrency: Number(RQ_CONCURRENCY),
    name: RQ_POD_NAME!,
    maxStalledCount: 3,
    ...(locks && { lockDuration: locks.durationMs, stalledInterval: locks.searchMs }),
  },
);

process.on('SIGTERM', () => void worker.close().then(() => process.exit(0)));
