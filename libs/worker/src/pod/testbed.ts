import { Queue, type Job, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually, freePort, startProcess, startRedis, type ChildHandle, type RedisServer } from '@redis-queue/rig';
import { afterEach, beforeEach } from 'vitest';
import type { LockTimes } from '../queues/lock-times.ts';

/** With TEST_BULLMQ=5 all pods of a test run are on BullMQ 5; the queues of the tests stay on BullMQ 6. */
const ON_VERSION = process.env.TEST_BULLMQ === '5' ? ['--import', `${import.meta.dirname}/../../bullmq-5.ts`] : [];

/** How long anything that is expected may take: the machine may be busy with other tests. */
export const PATIENCE = { timeoutMs: 40_000 };
/** Lock times with which a test sees a dead pod's jobs come back within 3 s. */
export const SHORT_LOCKS: LockTimes = { durationMs: 2_000, renewMs: 600, searchMs: 500 };
/** Drain times of a pod that gets all the time it needs. */
export const PATIENT = { RQ_GRACE_PERIOD_MS: '60000', RQ_MAX_DRAIN_TIME_MS: '120000' };

/** What a job of the tests does, in the order of the fields. */
export interface Work {
  /** Blocks the event loop. */
  blockMs?: number;
  /** The same, with so much of the CPU's time. */
  burnMs?: number;
  runMs: number;
  ignoreSignal?: boolean;
  /** How many of its first runs fail. */
  failTimes?: number;
  /** In how many of its first runs it kills its own process. */
  killTimes?: number;
}

export interface Pod {
  process: ChildHandle;
  get: (path: string) => Promise<{ status: number; body: string }>;
}

export type QueueName = 'a' | 'b' | 'c';

/** A Redis with the queues a, b and c, and worker pods as processes of their own; new for each test. */
export class PodTestbed {
  server!: RedisServer;
  redis!: Redis;
  queues!: Record<QueueName, Queue>;
  readonly #children: ChildHandle[] = [];

  /** Registers start and end of the testbed around each test of the file. */
  static each(): PodTestbed {
    const testbed = new PodTestbed();
    beforeEach(async () => await testbed.#open());
    afterEach(async () => await testbed.#close());
    return testbed;
  }

  async #open(): Promise<void> {
    this.server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    this.redis = new Redis({ port: this.server.port, maxRetriesPerRequest: null });
    this.redis.on('error', () => undefined);
    const open = (name: string): Queue => new Queue(name, { connection: this.redis, skipMetasUpdate: true });
    this.queues = { a: open('a'), b: open('b'), c: open('c') };
    for (const queue of Object.values(this.queues)) queue.on('error', () => undefined);
  }

  async #close(): Promise<void> {
    await Promise.all(this.#children.splice(0).map((child) => child.stop('SIGKILL')));
    this.redis.disconnect();
    await this.server.stop();
  }

  /** Runs a program of this folder until the test ends. */
  run(file: string, env: Record<string, string>): ChildHandle {
    const child = startProcess(process.execPath, [...ON_VERSION, `${import.meta.dirname}/${file}`], {
      env: { REDIS_URL: this.server.url, ...env },
    });
    this.#children.push(child);
    return child;
  }

  /**
   * A pod with 4 slots that asks its jobs to stop after 0.3 s of drain, hands them back after 2.4 s and is gone after 3
   * s.
   */
  async startPod(
    name: string,
    env: Record<string, string> = {},
    locks?: LockTimes,
    file = 'pod.fixture.ts',
  ): Promise<Pod> {
    const port = await freePort();
    const served = ['a', 'b', 'c'].map((queue) => ({ queue, name: queue, prefix: 'bull' }));
    const child = this.run(file, {
      RQ_QUEUES: JSON.stringify(served),
      RQ_CONCURRENCY: '4',
      RQ_POD_NAME: name,
      RQ_HTTP_PORT: String(port),
      RQ_GRACE_PERIOD_MS: '300',
      RQ_MAX_DRAIN_TIME_MS: '3000',
      ...(locks && { TEST_LOCKS: JSON.stringify(locks) }),
      ...env,
    });
    const get: Pod['get'] = async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, body: await response.text() };
    };
    return { process: child, get };
  }

  async readyPod(name: string, env: Record<string, string> = {}, locks?: LockTimes): Promise<Pod> {
    const pod = await this.startPod(name, env, locks);
    await eventually(async () => (await pod.get('/readyz')).status === 200, {
      ...PATIENCE,
      description: `${name} to be ready`,
    });
    return pod;
  }

  async add(queue: Queue, count: number, data: Work, options: JobsOptions = {}): Promise<string[]> {
    const jobs = await queue.addBulk(Array.from({ length: count }, () => ({ name: 'work', data, opts: options })));
    return jobs.map(({ id }) => id!);
  }

  /** Waits until handlers have begun to run `count` jobs of the queue, over all runs; fetched alone does not count. */
  async untilStarted(queue: Queue, count: number): Promise<void> {
    await eventually(async () => (await this.starts(queue)) === count, {
      ...PATIENCE,
      intervalMs: 5,
      description: `${count} runs in queue ${queue.name} to begin`,
    });
  }

  async untilFinished(count: number): Promise<void> {
    await eventually(async () => (await this.finished()) === count, {
      ...PATIENCE,
      description: `${count} jobs to finish`,
    });
  }

  /** Different jobs whose handler reached its end. */
  async finished(): Promise<number> {
    return await this.redis.hlen('finished');
  }

  /** Runs of the queue's jobs that began. */
  async starts(queue: Queue): Promise<number> {
    return (await this.redis.lrange('starts', 0, -1)).filter((key) => key.startsWith(`${queue.name}:`)).length;
  }

  /** `queue:id` of every run that began, in order. */
  async startOrder(): Promise<string[]> {
    return await this.redis.lrange('starts', 0, -1);
  }
}

/** What a job has cost so far: where it is, attempts and stalls counted, and how often it was started. */
export async function costOf(queue: Queue, id: string): Promise<object> {
  const job = (await queue.getJob(id)) as Job;
  const { attemptsMade: attempts, stalledCounter: stalls, attemptsStarted: starts } = job;
  return { state: await job.getState(), attempts, stalls, starts };
}
