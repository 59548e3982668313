import { eventually, startRedis, startRedisCluster, untilReplicated } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import type { Handler } from '../jobs/handler.ts';
import type { PodRedis } from '../redis/open-redis.ts';
import { startWorkers, type Workers, type WorkersOptions } from './workers.ts';

const PATIENCE = { timeoutMs: 60_000 };
const NEVER = new AbortController().signal;

const untilAsked: Handler = async (_job, { signal }) =>
  await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

/** Workers of the queue `emails` with three slots. */
function serve(
  redis: PodRedis,
  handler: Handler,
  {
    name = 'emails',
    gracePeriodMs = 100,
    ...options
  }: Partial<WorkersOptions> & { name?: string; gracePeriodMs?: number } = {},
): Workers {
  return startWorkers({
    config: {
      queues: [{ queue: 'emails', name, prefix: 'bull' }],
      concurrency: 3,
      pool: '',
      namespace: '',
      version: '',
      podName: 'pod-0',
      gracePeriodMs,
      maxDrainTimeMs: 60_000,
      httpPort: 0,
    },
    redis: { maxRetriesPerRequest: null, protocol: 2, ...redis },
    handlers: { emails: handler },
    usage: false,
    log: createLog('error', Date.now, () => undefined),
    ...options,
  });
}

async function openServer(stack: AsyncDisposableStack) {
  const server = await startRedis();
  stack.defer(() => server.stop());
  const redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
  stack.defer(() => redis.disconnect());
  const queue = new Queue('emails', { connection: redis });
  const refusals = async (): Promise<number> =>
    Number(/errorstat_NOREPLICAS:count=(\d+)/.exec(await redis.info('errorstats'))?.[1] ?? 0);
  return { server, redis, queue, refusals };
}

const jobs = (count: number) => Array.from({ length: count }, () => ({ name: 'work', data: {} }));
const active = async (queue: Queue, count: number): Promise<unknown> =>
  await eventually(async () => (await queue.getActiveCount()) === count, PATIENCE);

it('the end of a job is recorded once a server takes writes again that had refused them', async () => {
  await using stack = new AsyncDisposableStack();
  const { server, redis, queue, refusals } = await openServer(stack);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let runs = 0;
  const workers = serve({ port: server.port }, async () => {
    runs++;
    await released;
  });
  stack.defer(async () => void (await workers.drain(NEVER)));
  const added = await queue.addBulk(jobs(3));
  await active(queue, 3);
  await redis.config('SET', 'min-replicas-to-write', '1');
  const before = await refusals();
  release();
  await eventually(async () => (await refusals()) > before + 6, PATIENCE);
  await redis.config('SET', 'min-replicas-to-write', '0');
  await eventually(async () => (await queue.getCompletedCount()) === 3, PATIENCE);
  expect(runs).toBe(3);
  for (const { id } of added) expect((await queue.getJob(id!))!.stalledCounter).toBe(0);
});

it('a pod that drains while writes are refused hands its jobs back once they are taken', async () => {
  await using stack = new AsyncDisposableStack();
  const { server, redis, queue, refusals } = await openServer(stack);
  const workers = serve({ port: server.port }, untilAsked);
  const added = await queue.addBulk(jobs(3));
  await active(queue, 3);
  await redis.config('SET', 'min-replicas-to-write', '1');
  const before = await refusals();
  const drained = workers.drain(NEVER);
  await eventually(async () => (await refusals()) > before + 6, PATIENCE);
  await redis.config('SET', 'min-replicas-to-write', '0');
  expect(await drained).toBe('stopped');
  expect(await queue.getJobCounts('waiting', 'active', 'failed')).toEqual({ waiting: 3, active: 0, failed: 0 });
  for (const { id } of added) expect(await queue.getJob(id!)).toMatchObject({ attemptsMade: 0, stalledCounter: 0 });
});

it('a pod that drains while the primary of its queue is gone hands its jobs back to the next one', async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startRedisCluster(3, { replicas: true, nodeTimeoutMs: 4_000 }));
  const redis = new Cluster([cluster.address], { redisOptions: { maxRetriesPerRequest: null } });
  stack.defer(() => redis.disconnect());
  redis.on('error', () => undefined);
  const queue = new Queue('{emails}', { connection: redis });
  queue.on('error', () => undefined);
  const workers = serve({ cluster: true, ...cluster.address }, untilAsked, { name: '{emails}' });
  await queue.addBulk(jobs(3));
  await active(queue, 3);
  const { primary, replica } = await cluster.shardOf('bull:{emails}:wait');
  await untilReplicated(primary, replica!);
  await primary.kill9();
  expect(await workers.drain(NEVER)).toBe('stopped');
  const found = await queue.getJobs(['waiting', 'active', 'failed']);
  const states = await Promise.all(found.map(async (job) => [await job.getState(), job.attemptsMade]));
  expect(states).toEqual(Array.from({ length: 3 }, () => ['waiting', 0]));
});

it('a pod whose queue is at a limit of a handler leaves at once when Redis is silent', async () => {
  await using stack = new AsyncDisposableStack();
  const { server, redis, queue } = await openServer(stack);
  const options = { workerOptions: { maximumRateLimitDelay: 100 }, gracePeriodMs: 59_000 };
  const workers = serve({ port: server.port }, async (_job, { rateLimit }) => await rateLimit(600_000), options);
  await queue.add('work', {});
  await eventually(async () => (await redis.exists('bull:emails:limiter')) === 1, PATIENCE);
  await eventually(async () => (await queue.getWaitingCount()) === 1, PATIENCE);
  const asked = async (): Promise<number> =>
    Number(/cmdstat_pttl:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  const before = await asked();
  await eventually(async () => (await asked()) > before + 2, PATIENCE);
  process.kill(server.pid, 'SIGSTOP');
  stack.defer(() => void process.kill(server.pid, 'SIGCONT'));
  expect(await workers.drain(NEVER)).toBe('finished');
});
