import { once, type EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { FlowProducer, Queue, RateLimitError, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import { startWorkers, type PoolWorker, type Workers, type WorkersOptions } from './workers.ts';

const PATIENCE = { timeoutMs: 30_000, intervalMs: 10 };
let server: RedisServer;
let redis: Redis;
let queues = 0;
/** Tests run beside each other, so the file cleans up at its end. */
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

type Served = Pick<WorkersOptions, 'workerOptions' | 'onWorker'> & {
  handler: WorkersOptions['handlers'][string];
  /** Another queue, with the same handler. */
  beside?: Queue;
};

const fails = (): Promise<never> => Promise.reject(new Error('no'));

/** A queue of the test's own. */
function newQueue(): Queue {
  const queue = new Queue(`queue-${queues++}`, { connection: redis, skipMetasUpdate: true });
  ends.push(async () => await queue.close());
  return queue;
}

function serve(
  queue: Queue,
  { handler, beside, ...options }: Served,
  concurrency = 5,
  maxDrainTimeMs = 20_000,
): Workers {
  const names = [queue, ...(beside ? [beside] : [])].map(({ name }) => name);
  const workers = startWorkers({
    config: {
      queues: names.map((name) => ({ queue: name, name, prefix: 'bull' })),
      concurrency,
      pool: '',
      namespace: '',
      version: '',
      podName: 'pod-0',
      gracePeriodMs: 0,
      maxDrainTimeMs,
      httpPort: 0,
    },
    redis: { port: server.port, maxRetriesPerRequest: null },
    handlers: Object.fromEntries(names.map((name) => [name, handler])),
    log: createLog('error', Date.now, () => undefined),
    usage: false,
    ...options,
  });
  ends.push(async () => await workers.drain(AbortSignal.abort()));
  return workers;
}

async function finished(queue: Queue, count: number): Promise<void> {
  const ended = async (): Promise<boolean> => {
    const { completed = 0, failed = 0 } = await queue.getJobCounts('completed', 'failed');
    return completed + failed === count;
  };
  await eventually(ended, { ...PATIENCE, description: `${count} jobs of ${queue.name} to end` });
}

const counted = async (workers: Workers, outcome: string): Promise<number> => {
  const { values } = await workers.metrics.jobs.get();
  return values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
};

describe.concurrent('a manual rate limit', () => {
  it.each([
    [
      'by rateLimit of the context',
      async (_queue: Queue, rateLimit: (ms: number) => Promise<never>) => await rateLimit(700),
    ],
    [
      "by BullMQ's Queue.rateLimit",
      async (queue: Queue) => {
        await queue.rateLimit(700);
        throw new RateLimitError();
      },
    ],
  ])('%s holds the job and the next ones, without an attempt', async (_how, limit) => {
    const queue = newQueue();
    const startsMs: number[] = [];
    const workers = serve(
      queue,
      {
        handler: async (_job, { rateLimit }) => {
          startsMs.push(performance.now());
          if (startsMs.length === 1) await limit(queue, rateLimit);
        },
      },
      1,
    );
    const jobs = await queue.addBulk([1, 2, 3].map((n) => ({ name: `${n}`, data: {} })));
    await finished(queue, 3);
    expect(startsMs).toHaveLength(4);
    expect(startsMs[1]! - startsMs[0]!).toBeGreaterThan(690);
    expect(await queue.getJob(jobs[0]!.id!)).toMatchObject({ attemptsMade: 1, attemptsStarted: 2 });
    expect(await counted(workers, 'rate_limited')).toBe(1);
  });

  it('is not forgotten when another job ends, and holds for longer than maximumRateLimitDelay', async () => {
    const queue = newQueue();
    const starts: string[] = [];
    serve(
      queue,
      {
        workerOptions: { maximumRateLimitDelay: 100 },
        handler: async (job, { rateLimit }) => {
          starts.push(job.name);
          if (job.name === 'limits') {
            await eventually(() => starts.length === 2, PATIENCE);
            await rateLimit(20_000);
          }
          // ends once the other job is back
          await eventually(async () => (await queue.getWaitingCount()) === 2, PATIENCE);
        },
      },
      2,
    );
    await queue.addBulk(['limits', 'ends meanwhile', 'waits'].map((name) => ({ name, data: {} })));
    await finished(queue, 1);
    await sleep(800);
    expect(starts.toSorted()).toEqual(['ends meanwhile', 'limits']);
  });
});

describe.concurrent('the time that jobs waited', () => {
  it('is not that in which a parent of a flow waited for its children', async () => {
    const [parents, children] = [newQueue(), newQueue()];
    const flows = new FlowProducer({ connection: redis });
    ends.push(async () => await flows.close());
    const { job: parent } = await flows.add({
      name: 'parent',
      queueName: parents.name,
      children: [{ name: 'child', queueName: children.name }],
    });
    await eventually(() => Date.now() > parent.timestamp + 500, PATIENCE);
    const workers = serve(parents, { handler: async () => undefined, beside: children });
    await finished(parents, 1);
    const { values } = await workers.metrics.wait.get();
    const waits = (queue: Queue): number[] =>
      values
        .filter(({ metricName, labels }) => metricName?.endsWith('_count') && labels.queue === queue.name)
        .map(({ value }) => value);
    expect({ parents: waits(parents), children: waits(children) }).toEqual({ parents: [], children: [1] });
  });
});

describe.concurrent('worker options', () => {
  it('reach every queue, and those of a handler go before them', async () => {
    const asked: [string, number][] = [];
    const strategy =
      (name: string) =>
      (attemptsMade: number): number => (asked.push([name, attemptsMade]), 1);
    const workerOptions = { settings: { backoffStrategy: strategy('pool') } };
    const [ofPool, ofHandler] = [newQueue(), newQueue()];
    serve(ofPool, { workerOptions, handler: fails });
    serve(ofHandler, {
      workerOptions,
      handler: { run: fails, options: { settings: { backoffStrategy: strategy('handler') } } },
    });
    const opts = { attempts: 3, backoff: { type: 'custom' } };
    await ofPool.add('job', {}, opts);
    await finished(ofPool, 1);
    await ofHandler.add('job', {}, opts);
    await finished(ofHandler, 1);
    expect(asked).toEqual([
      ['pool', 1],
      ['pool', 2],
      ['handler', 1],
      ['handler', 2],
    ]);
  });

  it('count a job as failed for good that a strategy or maxStartedAttempts ends before its attempts are used up', async () => {
    const queue = newQueue();
    const workers = serve(queue, {
      workerOptions: { settings: { backoffStrategy: () => -1 } },
      handler: fails,
    });
    await queue.add('job', {}, { attempts: 5, backoff: { type: 'custom' } });
    await finished(queue, 1);
    await eventually(async () => (await counted(workers, 'failed')) === 1, PATIENCE);
    expect(await counted(workers, 'retried')).toBe(0);
  });

  it.each([
    { handler: fails },
    { default: fails },
    Promise.resolve(fails),
    { run: { '~standard': {} }, schema: fails },
  ])(
    'for what is no handler do not matter: it stops the pod at its start, and no job of the queue fails by it: %j',
    async (handler) => {
      const queue = newQueue();
      const { id } = await queue.add('job', {});
      expect(() => serve(queue, { handler: handler as never })).toThrow(`the handler of queue ${queue.name} is none`);
      expect(await queue.getJobState(id!)).toBe('waiting');
    },
  );

  it('that a pod decides itself stop it at its start', () => {
    const queue = newQueue();
    const handler = { run: () => Promise.resolve(), options: { concurrency: 3 } };
    // @ts-expect-error concurrency is the pod's
    expect(() => serve(queue, { handler })).toThrow(/concurrency is not taken: slots are shared/);
  });
});

describe.concurrent("BullMQ's worker of a queue", () => {
  it('tells its events, and can be paused and resumed, while its jobs run too', async () => {
    const queue = newQueue();
    const ended: unknown[] = [];
    const long = Promise.withResolvers<void>();
    let worker: PoolWorker | undefined;
    serve(queue, {
      handler: async (job: Job) => {
        if (job.name === 'long') await long.promise;
      },
      onWorker: (started) => {
        worker = started;
        started.on('completed', (job) => ended.push(job.name));
      },
    });
    const active = once(worker as unknown as EventEmitter, 'active');
    await queue.add('long', {});
    await active;
    await worker!.pause(true);
    await queue.add('during the pause', {});
    await sleep(300);
    expect(ended).toEqual([]);
    await worker!.resume();
    await eventually(() => ended.includes('during the pause'), PATIENCE);
    long.resolve();
    await finished(queue, 2);
  });

  it('is not drained when another queue gets its slot', async () => {
    const [queue, beside] = [newQueue(), newQueue()];
    const seen: string[] = [];
    await queue.addBulk([1, 2, 3, 4].map((n) => ({ name: `${n}`, data: {} })));
    await beside.addBulk([1, 2, 3, 4].map((n) => ({ name: `${n}`, data: {} })));
    const listen = (worker: PoolWorker): void => {
      worker.on('completed', () => seen.push('completed'));
      worker.on('drained', () => seen.push('drained'));
    };
    serve(
      queue,
      {
        beside,
        handler: async () => await sleep(20),
        onWorker: (worker, name) => name === queue.name && listen(worker),
      },
      1,
    );
    await finished(queue, 4);
    await finished(beside, 4);
    await eventually(() => seen.includes('drained'), PATIENCE);
    expect(seen).toEqual(['completed', 'completed', 'completed', 'completed', 'drained']);
  });
});

describe.concurrent('a handler that is a file', () => {
  const file = new URL('file.fixture.ts', import.meta.url);

  it('gets data that its schema has checked, and gives its result', async () => {
    const queue = newQueue();
    const schema = {
      '~standard': { validate: (value: unknown) => ({ value: { ...(value as object), checked: true } }) },
    };
    serve(queue, { handler: { file, schema } });
    const job = await queue.add('job', { to: 'a' });
    await finished(queue, 1);
    expect((await queue.getJob(job.id!))?.returnvalue).toEqual({
      data: { to: 'a', checked: true },
      pid: expect.any(Number),
    });
  });

  it('fails the attempt with how its process ended, and no other job with it', async () => {
    const queue = newQueue();
    serve(queue, { handler: file });
    const [killed, exited, beside] = await queue.addBulk(
      [{ ends: 'SIGKILL' }, { ends: 7 }, {}].map((data) => ({ name: 'job', data })),
    );
    await finished(queue, 3);
    const reasonOf = async (job: Job | undefined) => (await queue.getJob(job!.id!))!.failedReason;
    expect(await reasonOf(killed)).toMatch(/^Unexpected exit code: null signal: SIGKILL/);
    expect(await reasonOf(exited)).toMatch(/^Unexpected exit code: 7 signal: null/);
    expect(await beside!.getState()).toBe('completed');
  });

  it('hands its job back when it stops as asked, and its process is gone once the pod has drained', async () => {
    const queue = newQueue();
    const workers = serve(queue, { handler: file }, 2, 3_000);
    const [listens, ignores] = await queue.addBulk([
      { name: 'job', data: { listens: true } },
      { name: 'job', data: { ignores: true } },
    ]);
    const pidOf = async (job: Job): Promise<number> => Number((await queue.getJob(job.id!))?.progress);
    await eventually(async () => (await pidOf(listens!)) > 0 && (await pidOf(ignores!)) > 0, PATIENCE);
    const pids = [await pidOf(listens!), await pidOf(ignores!)];
    const drained = workers.drain(new AbortController().signal);
    await eventually(async () => (await listens!.getState()) === 'waiting', PATIENCE);
    expect(await ignores!.getState()).toBe('active');
    expect(await drained).toBe('handed back');
    for (const job of [listens, ignores]) {
      expect(await job!.getState()).toBe('waiting');
      expect(await queue.getJob(job!.id!)).toMatchObject({ attemptsMade: 0, stalledCounter: 0 });
    }
    await eventually(() => pids.every((pid) => !isAlive(pid)), PATIENCE);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
