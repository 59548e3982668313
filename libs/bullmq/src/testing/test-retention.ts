import type { Queue } from 'bullmq';
import { expect } from 'vitest';
import type { QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import type { StepFence } from '../rounds/step.ts';
import type { TestRedis } from './test-redis.ts';

export const HOUR = 3_600_000;

export const fence: StepFence = { mark: 'A', untilMs: Date.now() + HOUR };
export const completed = { ...fence, state: 'completed' } as const;
export const failed = { ...fence, state: 'failed' } as const;

/** A queue that is ours, with a producer. */
export async function ours(t: TestRedis, name: string): Promise<{ ref: QueueRef; queue: Queue }> {
  const ref = { prefix: 'bull', name };
  const queue = t.producer(ref);
  await queue.waitUntilReady();
  await t.redis.hset(`bull:${name}:meta`, OWNER_FIELD, 'A');
  return { ref, queue };
}

/** Runs what waits: jobs named `bad` fail. */
export async function runAll(t: TestRedis, ref: QueueRef, jobs: number): Promise<void> {
  let finished = 0;
  const worker = t.worker(
    ref,
    async (job) => {
      if (job.name === 'bad') throw new Error('it is bad');
      return { of: job.name };
    },
    { concurrency: 50 },
  );
  worker.on('completed', () => finished++);
  worker.on('failed', () => finished++);
  await expect.poll(() => finished, { timeout: 20_000 }).toBe(jobs);
  await worker.close();
}

/** Finished jobs as BullMQ leaves them, with ids 1 to `count` and one finishing per ms, the last one a minute ago. */
export async function manyCompleted(t: TestRedis, { name }: QueueRef, count: number, data = 'x'): Promise<void> {
  const script = `
    local now = ARGV[2] - 60000
    for i = 1, ARGV[1] do
      redis.call('HSET', KEYS[1] .. i, 'name', 'j', 'data', ARGV[3], 'opts', '{}', 'timestamp', now, 'finishedOn', now - i, 'returnvalue', 'null')
      redis.call('ZADD', KEYS[1] .. 'completed', now - i, i)
    end`;
  await t.redis.eval(script, 1, `bull:${name}:`, count, Date.now(), data);
}

export const keysOf = async (t: TestRedis, name: string): Promise<string[]> =>
  (await t.redis.keys(`bull:${name}:*`)).toSorted();
