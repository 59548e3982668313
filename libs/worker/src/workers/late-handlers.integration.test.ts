// Handlers, schemas and files that do not end in time.
import { existsSync } from 'node:fs';
import { eventually, startProcess, startRedis, type RedisServer } from '@redis-queue/rig';
import { Queue, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import { holderOf, openHolding } from '../queues/holding.ts';
import { startWorkers, type PoolWorker, type Workers, type WorkersOptions } from './workers.ts';

const PATIENCE = { timeoutMs: 40_000, intervalMs: 10 };
const LOG = createLog('error', Date.now, () => undefined);
const JOB_TIMEOUT_MS = 300;
let server: RedisServer;
let redis: Redis;
let queues = 0;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
});
afterAll(async () => {
  await Promise.all(ends.map(async (end) => await end()));
  redis.disconnect();
  await server.stop();
});

function serve(
  handler: WorkersOptions['handlers'][string],
  concurrency: number,
  onWorker?: (worker: PoolWorker) => void,
  jobTimeoutMs = JOB_TIMEOUT_MS,
): { queue: Queue; workers: Workers } {
  const queue = new Queue(`late-${queues++}`, { connection: redis, skipMetasUpdate: true });
  const { name } = queue;
  const workers = startWorkers({
    config: {
      queues: [{ queue: name, name, prefix: 'bull', jobTimeoutMs }],
      concurrency,
      pool: '',
      namespace: '',
      version: '',
      podName: 'pod-0',
      gracePeriodMs: 0,
      maxDrainTimeMs: 20_000,
      httpPort: 0,
    },
    redis: { port: server.port, maxRetriesPerRequest: null },
    handlers: { [name]: handler },
    log: LOG,
    usage: false,
    onWorker,
  });
  ends.push(async () => await workers.drain(AbortSignal.abort()));
  return { queue, workers };
}

const stuckOf = ({ health }: Workers): number => health().slots.stuck;

it.each(['cancelled', 'without its lock'])('a handler that goes on, %s, keeps its slot and is stuck', async (how) => {
  let [now, most] = [0, 0];
  let worker: PoolWorker;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const handler = async (job: Job, { signal }: { signal: AbortSignal }): Promise<void> => {
    most = Math.max(most, ++now);
    // one that nobody has listened to tells another reason
    signal.addEventListener('abort', () => undefined);
    if (how === 'cancelled') worker.cancelJob(job.id!, 'by the user');
    else await redis.del(`${queue.toKey(job.id!)}:lock`).then(() => worker.cancelJob(job.id!, 'its lock was lost'));
    await ended;
    now--;
  };
  const { queue, workers } = serve(handler, 1, (served) => (worker = served));
  await queue.addBulk([1, 2, 3].map(() => ({ name: 'job', data: {} })));
  await eventually(() => stuckOf(workers) === 1, PATIENCE);
  expect({ now, most }).toEqual({ now: 1, most: 1 });
  // all of them end now, each beside no other
  end();
  await eventually(() => stuckOf(workers) === 0 && now === 0, PATIENCE);
  await eventually(async () => (await queue.getWaitingCount()) === 0, PATIENCE);
  expect(most).toBe(1);
});

it('a job that comes back while its handler goes on aborts its signal, takes no slot, and starts when that has ended', async () => {
  const [ending, aborted] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
  const starts: string[] = [];
  const handler = async (job: Job, { signal }: { signal: AbortSignal }): Promise<void> => {
    starts.push(job.name);
    if (job.name !== 'long') return;
    signal.addEventListener('abort', () => aborted.resolve(signal.reason));
    await ending.promise;
  };
  const options = { skipLockRenewal: true, skipStalledCheck: true };
  const { queue } = serve({ run: handler, options }, 2, undefined, 60_000);
  const job = await queue.add('long', {});
  await eventually(() => starts.length === 1, PATIENCE);
  const key = (of: string): string => queue.toKey(of);
  // as another pod does that finds it stalled
  const multi = redis
    .multi()
    .del(key(`${job.id}:lock`))
    .lrem(key('active'), 1, job.id!)
    .lpush(key('wait'), job.id!);
  await multi.zadd(key('marker'), 0, '0').exec();
  expect(await aborted.promise).toBe('its lock was lost');
  await queue.addBulk([1, 2, 3].map(() => ({ name: 'short', data: {} })));
  await eventually(async () => (await queue.getCompletedCount()) === 3, PATIENCE);
  expect(starts).toEqual(['long', 'short', 'short', 'short']);
  ending.resolve();
  await eventually(async () => (await queue.getCompletedCount()) === 4, PATIENCE);
  expect(await queue.getJob(job.id!)).toMatchObject({ attemptsMade: 1, stalledCounter: 0 });
  expect(starts.at(-1)).toBe('long');
});

it('a schema that hangs fails its job by jobTimeout, keeps its slot, and its handler never begins', async () => {
  const begun: unknown[] = [];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const validate = async (value: unknown): Promise<{ value: { hangs?: boolean } }> => {
    const data = value as { hangs?: boolean };
    if (data.hangs) await answered;
    return { value: data };
  };
  const run = async ({ id }: Job): Promise<void> => void (await Promise.resolve(begun.push(id)));
  const { queue, workers } = serve({ schema: { '~standard': { validate } }, run }, 1);
  const hanging = await queue.add('job', { hangs: true });
  const next = await queue.add('job', {});
  await eventually(() => stuckOf(workers) === 1, PATIENCE);
  expect(await hanging.getState()).toBe('failed');
  expect((await queue.getJob(hanging.id!))!.failedReason).toMatch(/ran for longer than the 0.3 s/);
  expect(begun).toEqual([]);
  answer();
  await eventually(async () => (await queue.getCompletedCount()) === 1, PATIENCE);
  expect(begun).toEqual([next.id]);
});

it.each([false, true])(
  'a file that does not end is killed, with threads: %s, and its slot is free',
  async (useWorkerThreads) => {
    const file = new URL('file.fixture.ts', import.meta.url);
    const { queue, workers } = serve({ file, options: { useWorkerThreads } }, 1);
    const [computes, ignores] = await queue.addBulk([
      { name: 'job', data: { computes: true } },
      { name: 'job', data: { ignores: true } },
    ]);
    await eventually(async () => (await queue.getFailedCount()) === 2, PATIENCE);
    for (const job of [computes, ignores]) {
      const { failedReason, progress: pid } = (await queue.getJob(job!.id!))!;
      expect(failedReason).toMatch(/ran for longer than the 0.3 s/);
      // a busy machine may not have begun it in time
      if (useWorkerThreads || !pid) continue;
      await eventually(() => !isAlive(Number(pid)), PATIENCE);
    }
    await eventually(() => workers.health().slots.taken === 0, PATIENCE);
    expect(stuckOf(workers)).toBe(0);
  },
);

it('a process is not dead for others as long as one goes on that runs its job in a file', async ({
  onTestFinished,
}) => {
  const queue = new Queue(`late-${queues++}`, { connection: redis, skipMetasUpdate: true });
  const env = { TEST_QUEUE: queue.name, TEST_PORT: String(server.port) };
  const pod = startProcess(process.execPath, [`${import.meta.dirname}/orphan.fixture.ts`], { env });
  const { id } = await queue.add('job', { ignores: true });
  const pidOf = async (): Promise<number> => Number((await queue.getJob(id!))?.progress);
  await eventually(async () => (await pidOf()) > 0, PATIENCE);
  const child = await pidOf();
  onTestFinished(() => void (isAlive(child) && process.kill(child, 'SIGKILL')));
  const holder = holderOf((await redis.get(`${queue.toKey(id!)}:lock`))!);
  const other = await openHolding('pod-0', LOG);
  onTestFinished(() => other.close());

  pod.kill('SIGKILL');
  await eventually(() => !existsSync(`/proc/${pod.pid}`), PATIENCE);
  expect(isAlive(child)).toBe(true);
  expect(await other.isDead(holder)).toBe(false);
  process.kill(child, 'SIGKILL');
  await eventually(async () => await other.isDead(holder), PATIENCE);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
