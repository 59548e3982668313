import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { QueueWorker } from './queue-worker.ts';

/** How long each question to Redis is under way. */
const LATENCY_MS = 60;

it('a limit of a handler is not over before it is over in Redis, however long Redis takes to answer', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startRedis();
  stack.defer(() => server.stop());
  const redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
  stack.defer(() => redis.disconnect());
  const ask = redis.pttl.bind(redis);
  const late: typeof redis.pttl = async (key) => await sleep(LATENCY_MS).then(async () => await ask(key));
  Object.assign(redis, { pttl: late });
  const worker = new QueueWorker({
    queue: 'emails',
    process: () => Promise.resolve(),
    redis,
    serve: () => Promise.resolve(),
    opts: { prefix: 'bull', lockDuration: 24_000, maximumRateLimitDelay: 20 },
  });
  stack.defer(async () => await worker.close(true));
  await worker.limitQueue(300);
  // as another handler does that asks for a longer one
  await redis.pexpire(worker.toKey('limiter'), 500);
  await worker.waitOutLimit(new AbortController().signal);
  expect(await redis.exists(worker.toKey('limiter'))).toBe(0);
});
