import { Queue, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import {
  eventually,
  freePort,
  startProcess,
  startRedis,
  type ChildHandle,
  type RedisServer,
} from '@redis-queue/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let server: RedisServer;
let redis: Redis;
const pods: ChildHandle[] = [];
let queues: Record<'a' | 'b' | 'c', Queue>;

beforeEach(async () => {
  server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const open = (name: string): Queue => new Queue(name, { connection: redis, skipMetasUpdate: true });
  queues = { a: open('a'), b: open('b'), c: open('c') };
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
});

afterEach(async () => {
  await Promise.all(pods.splice(0).map((pod) => pod.stop('SIGKILL')));
  redis.disconnect();
  await server.stop();
});

interface Pod {
  process: ChildHandle;
  get: (path: string) => Promise<{ status: number; body: string }>;
}

async function startPod(name: string, env: Record<string, string> = {}): Promise<Pod> {
  const port = await freePort();
  const served = ['a', 'b', 'c'].map((queue) => ({ queue, name: queue, prefix: 'bull' }));
  const child = startProcess(process.execPath, [`${import.meta.dirname}/pod.fixture.ts`], {
    env: {
      RQ_QUEUES: JSON.stringify(served),
      RQ_CONCURRENCY: '4',
      RQ_POD_NAME: name,
      RQ_HTTP_PORT: String(port),
      RQ_GRACE_PERIOD_MS: '300',
      RQ_MAX_DRAIN_TIME_MS: '1500',
      REDIS_URL: server.url,
      ...env,
    },
  });
  pods.push(child);
  const get: Pod['get'] = async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, body: await response.text() };
  };
  return { process: child, get };
}

async function readyPod(name: string, env: Record<string, string> = {}): Promise<Pod> {
  const pod = await startPod(name, env);
  await eventually(async () => (await pod.get('/readyz')).status === 200, { description: `${name} to be ready` });
  return pod;
}

async function add(queue: Queue, count: number, data: object, options: JobsOptions = {}): Promise<string[]> {
  const jobs = await queue.addBulk(Array.from({ length: count }, () => ({ name: 'work', data, opts: options })));
  return jobs.map(({ id }) => id!);
}

const finished = async (): Promise<number> => redis.hlen('finished');
const started = async (id: string): Promise<number> => Number(await redis.hget('started', id));
const active = (count: number) => async (): Promise<boolean> => (await queues.a.getActiveCount()) === count;

describe('a worker pod', () => {
  it('never runs more jobs than its concurrency, over three queues, and lets one queue use all of it', async () => {
    const pod = await readyPod('pod-0');
    await add(queues.a, 40, { runMs: 20 });
    await eventually(async () => Number(await redis.zscore('running-at-once', 'pod-0')) === 4);
    for (const queue of [queues.b, queues.c]) {
      await queue.addBulk(
        Array.from({ length: 40 }, (_, i) => ({
          name: 'work',
          data: { runMs: 20 },
          opts: { jobId: `${queue.name}-${i}` },
        })),
      );
    }
    await eventually(async () => (await finished()) === 120, { timeoutMs: 20_000 });
    expect(await redis.zscore('running-at-once', 'pod-0')).toBe('4');
    expect(await redis.hvals('finished')).toEqual(Array.from({ length: 120 }, () => '1'));
    expect((await queues.a.getJob('1'))?.processedBy).toBe('pod-0');
    const { body } = await pod.get('/metrics');
    expect(body).toContain('redis_queue_worker_jobs_total{queue="b",outcome="completed"} 40');
    expect(body).toContain('redis_queue_worker_slots{state="free"} 4');
  });

  it('hands a wake-up on to an idle pod when its own slots are taken', async () => {
    await readyPod('busy', { RQ_CONCURRENCY: '1' });
    await add(queues.a, 1, { runMs: 60_000 });
    await eventually(active(1));
    await readyPod('idle', { RQ_CONCURRENCY: '1' });
    for (let i = 0; i < 20; i++) {
      await queues.b.add('work', { runMs: 0 }, { jobId: `b-${i}` });
      await eventually(async () => (await redis.hexists('finished', `b-${i}`)) === 1, {
        timeoutMs: 2_000,
        intervalMs: 5,
      });
    }
    expect(await redis.zscore('running-at-once', 'busy')).toBe('1');
  });

  it('obeys a global concurrency over two pods without standing still', async () => {
    await queues.a.setGlobalConcurrency(2);
    await readyPod('pod-0');
    await readyPod('pod-1');
    await add(queues.a, 100, { runMs: 10 });
    await eventually(async () => (await finished()) === 100, { timeoutMs: 8_000 });
    expect(Number(await redis.zscore('running-at-once', 'pod-0'))).toBeLessThanOrEqual(2);
  });

  it('runs delayed jobs when they are due, prioritised and retried ones, and stays within a rate limit', async () => {
    await queues.b.setGlobalRateLimit(5, 500);
    await readyPod('pod-0');
    await add(queues.a, 1, { runMs: 0 }, { delay: 300 });
    await add(queues.a, 1, { runMs: 0 }, { priority: 5 });
    await add(queues.a, 1, { runMs: 0, failTimes: 2 }, { attempts: 3, backoff: 50 });
    const limited = Array.from({ length: 15 }, (_, i) => ({
      name: 'work',
      data: { runMs: 0 },
      opts: { jobId: `b-${i}` },
    }));
    await queues.b.addBulk(limited);
    await eventually(async () => (await finished()) === 18, { timeoutMs: 6_000 });
    const starts = (await queues.b.getCompleted()).map(({ processedOn }) => processedOn!);
    expect(Math.max(...starts) - Math.min(...starts)).toBeGreaterThan(900);
    expect(await queues.a.getFailedCount()).toBe(0);
  });

  it('fails a job at once whose data does not fit the schema, and names the field', async () => {
    await readyPod('pod-0');
    const [id] = await add(queues.a, 1, { runMs: 'soon' }, { attempts: 5 });
    const job = await eventually(async () => (await queues.a.getFailed())[0]);
    expect(job.id).toBe(id);
    expect(job.failedReason).toBe('data does not fit the schema: runMs: expected a whole number');
    expect(job.attemptsMade).toBe(1);
  });

  it('does not start without a handler for one of its queues, and says which', async () => {
    const RQ_QUEUES = JSON.stringify([{ queue: 'reports', name: 'reports', prefix: 'bull' }]);
    const pod = await startPod('pod-0', { RQ_QUEUES });
    expect(await pod.process.exited).toEqual({ code: 1, signal: null });
    expect(pod.process.lines.join()).toContain('no handler for queue reports (handlers: a, b, c)');
  });
});

describe('a pod that gets SIGTERM', () => {
  it('ends at once when idle', async () => {
    const pod = await readyPod('pod-0', { RQ_GRACE_PERIOD_MS: '30000', RQ_MAX_DRAIN_TIME_MS: '60000' });
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
  });

  it('finishes what runs within the grace period and fetches nothing more', async () => {
    const pod = await readyPod('pod-0', { RQ_GRACE_PERIOD_MS: '5000', RQ_MAX_DRAIN_TIME_MS: '10000' });
    await add(queues.a, 6, { runMs: 400 });
    await eventually(active(4));
    pod.process.kill('SIGTERM');
    await eventually(async () => (await pod.get('/readyz')).status === 503);
    expect((await pod.get('/livez')).status).toBe(200);
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(await finished()).toBe(4);
    expect(await queues.a.getJobCounts('waiting', 'active', 'completed')).toEqual({
      waiting: 2,
      active: 0,
      completed: 4,
    });
  });

  it.each([
    { how: 'stops when told', ignoreSignal: false },
    { how: 'ignores its signal', ignoreSignal: true },
  ])('hands back a job that $how, at the cost of no attempt and no stall', async ({ ignoreSignal }) => {
    const pod = await readyPod('pod-0');
    const [id] = await add(queues.a, 1, { runMs: 600_000, ignoreSignal }, { priority: 3 });
    await eventually(active(1));
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    const job = (await queues.a.getJob(id!))!;
    expect({ state: await job.getState(), attempts: job.attemptsMade, stalls: job.stalledCounter ?? 0 }).toEqual({
      state: 'prioritized',
      attempts: 0,
      stalls: 0,
    });
    await job.updateData({ runMs: 0 });
    await readyPod('pod-1');
    await eventually(async () => (await finished()) === 1);
    expect(await started(id!)).toBe(2);
  });

  it('hands back at once on the second SIGTERM', async () => {
    const pod = await readyPod('pod-0', { RQ_GRACE_PERIOD_MS: '60000', RQ_MAX_DRAIN_TIME_MS: '120000' });
    await add(queues.a, 4, { runMs: 600_000, ignoreSignal: true });
    await eventually(active(4));
    pod.process.kill('SIGTERM');
    await pod.process.waitForLine(/"draining"/);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(await queues.a.getJobCounts('waiting', 'active', 'failed')).toEqual({ waiting: 4, active: 0, failed: 0 });
  });

  it('counts a failure that merely comes after the signal as a failure', async () => {
    const pod = await readyPod('pod-0', { RQ_GRACE_PERIOD_MS: '10', RQ_MAX_DRAIN_TIME_MS: '10000' });
    const [id] = await add(queues.a, 1, { runMs: 500, ignoreSignal: true, failTimes: 1 });
    await eventually(active(1));
    pod.process.kill('SIGTERM');
    await pod.process.exited;
    expect((await queues.a.getJob(id!))?.failedReason).toBe('planned failure 1');
  });
});

describe('a pod whose Redis goes away', () => {
  it('is not ready but alive, and goes on by itself when Redis is back', async () => {
    const pod = await readyPod('pod-0');
    await add(queues.a, 8, { runMs: 100 });
    await eventually(active(4), { intervalMs: 5 });
    await server.kill9();
    await eventually(async () => (await pod.get('/readyz')).status === 503);
    expect((await pod.get('/livez')).status).toBe(200);
    await server.restart();
    await eventually(async () => (await pod.get('/readyz')).status === 200, { timeoutMs: 20_000 });
    await eventually(async () => (await queues.a.getCompletedCount()) === 8, { timeoutMs: 20_000 });
    expect((await redis.hvals('finished')).length).toBe(8);
  });

  it('starts before Redis does', async () => {
    await server.kill9();
    const pod = await startPod('pod-0');
    await eventually(async () => (await pod.get('/readyz')).body.includes('unreachable'));
    expect((await pod.get('/livez')).status).toBe(200);
    await server.restart();
    await eventually(async () => (await pod.get('/readyz')).status === 200, { timeoutMs: 20_000 });
  });
});
