import { eventually, startRedis } from '@redis-queue/rig';
import { Queue, type Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import { liveness } from '../observability/health.ts';
import { startWorkers, type Workers } from './workers.ts';

const PATIENCE = { timeoutMs: 60_000 };
const STUCK_AFTER_MS = 2_000;

/** Workers of the queue `emails` with one slot, and what BullMQ's worker of the queue is. */
async function serve(stack: AsyncDisposableStack) {
  const server = await startRedis();
  stack.defer(() => server.stop());
  const redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  stack.defer(() => redis.disconnect());
  const queue = new Queue('emails', { connection: redis });
  queue.on('error', () => undefined);
  let finished = 0;
  const connects = { again: true };
  let worker: Worker | undefined;
  const workers: Workers = startWorkers({
    config: {
      queues: [{ queue: 'emails', name: 'emails', prefix: 'bull' }],
      concurrency: 1,
      pool: '',
      namespace: '',
      version: '',
      podName: 'pod-0',
      gracePeriodMs: 100,
      maxDrainTimeMs: 60_000,
      httpPort: 0,
    },
    redis: { port: server.port, maxRetriesPerRequest: null, retryStrategy: () => (connects.again ? 200 : null) },
    handlers: { emails: async () => await Promise.resolve(void finished++) },
    usage: false,
    stuckAfterMs: STUCK_AFTER_MS,
    onWorker: (its) => (worker = its as Worker),
    log: createLog('error', Date.now, () => undefined),
  });
  stack.defer(async () => void (await workers.drain(AbortSignal.abort())));
  await queue.add('work', {});
  await eventually(() => finished === 1, PATIENCE);
  return { server, redis, connects, queue, workers, worker: worker!, alive: () => liveness(workers.health()) };
}

/** Polls for so long; whether it was always alive. */
async function staysAlive(alive: () => { ok: boolean }, forMs: number): Promise<boolean> {
  const untilMs = performance.now() + forMs;
  let ok = true;
  await eventually(() => !(ok &&= alive().ok) || performance.now() > untilMs, PATIENCE);
  return ok;
}

it('a pod that does not connect again is not alive, while Redis answers others', async () => {
  await using stack = new AsyncDisposableStack();
  const { redis, connects, queue, alive } = await serve(stack);
  expect(alive().ok).toBe(true);
  connects.again = false;
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await queue.add('work', {});
  await eventually(() => !alive().ok, PATIENCE);
  expect(alive().message).toMatch(/^queue emails: nothing was fetched for \d+ s .*on another connection/);
});

it('a pod is alive while Redis is away, a worker is paused and the queue is limited, however long', async () => {
  await using stack = new AsyncDisposableStack();
  const { server, queue, workers, worker, alive } = await serve(stack);
  await worker.pause();
  await queue.add('work', {});
  expect(await staysAlive(alive, 3 * STUCK_AFTER_MS)).toBe(true);
  await queue.rateLimit(3 * STUCK_AFTER_MS);
  await worker.resume();
  await eventually(() => workers.health().loops.every(({ step }) => step !== 'paused'), PATIENCE);
  expect(await staysAlive(alive, 2 * STUCK_AFTER_MS)).toBe(true);
  await server.kill9();
  expect(await staysAlive(alive, 3 * STUCK_AFTER_MS)).toBe(true);
  await server.restart();
  await eventually(() => workers.health().loops.every(({ fetching }) => fetching), PATIENCE);
  expect(alive().ok).toBe(true);
});
