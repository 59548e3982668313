import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { freePort, startProcess, startRedis, type ChildHandle, type RedisServer } from '@redis-queue/rig';

/** The image under test, as a command, and a job that it runs. */
export interface Subject {
  /** The command of a process that is what the image runs: `node main.js`. */
  readonly command: string;
  /** The Queues (`metadata.name`) whose jobs it has handlers for; the first runs `job`, as does the second if any. */
  readonly queues: readonly string[];
  /** The data of a job that takes about so long. */
  readonly job: (ms: number) => object;
}

/** A process of the image, started as the controller starts a pod. */
export interface Pod {
  readonly name: string;
  readonly process: ChildHandle;
  /** @returns undefined where nothing answers */
  readonly get: (path: string) => Promise<{ status: number; body: string } | undefined>;
}

/** A queue as a pod gets it in RQ_QUEUES; by its name in Redis. */
export interface ServedQueue {
  readonly name: string;
  /** `metadata.name`; absent: the first of those that the image has a handler for. */
  readonly queue?: string;
  readonly jobTimeoutMs?: number;
  readonly weight?: number;
}

const PREFIX = 'bull';
/** Within this a pod has started, or done what it should do soon. */
const SOON_MS = 60_000;
const LOOK_EVERY_MS = 20;

/** A Redis, its queues and the pods of one row. */
export class Stage {
  readonly subject: Subject;
  /** How many times as long as on a machine at rest everything may take. */
  readonly patience: number;
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly #pods: ChildHandle[] = [];
  readonly #queues = new Map<string, Queue>();

  private constructor(subject: Subject, server: RedisServer, patience: number) {
    this.subject = subject;
    this.patience = patience;
    this.server = server;
    this.redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
    this.redis.on('error', () => undefined);
  }

  static async open(subject: Subject, patience: number): Promise<Stage> {
    const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    return new Stage(subject, server, patience);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pods.map(async (pod) => await pod.stop('SIGKILL')));
    this.redis.disconnect();
    await this.server.stop();
  }

  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = new Queue(name, { connection: this.redis, prefix: PREFIX, skipMetasUpdate: true });
    queue.on('error', () => undefined);
    this.#queues.set(name, queue);
    return queue;
  }

  /** Adds jobs that take about `ms` each; their ids in the order in which they wait. */
  async add(queue: string, count: number, ms: number, opts: JobsOptions = {}): Promise<string[]> {
    const data = this.subject.job(ms);
    const jobs = await this.queue(queue).addBulk(Array.from({ length: count }, () => ({ name: 'work', data, opts })));
    return jobs.map(({ id }) => id!);
  }

  /** Starts a pod with 2 slots and all the time that it needs to leave. */
  async start(name: string, queues: readonly ServedQueue[], env: Record<string, string> = {}): Promise<Pod> {
    const port = await freePort();
    const entries = queues.map((queue) => ({ queue: this.subject.queues[0], prefix: PREFIX, ...queue }));
    const process = startProcess('/bin/sh', ['-c', `exec ${this.subject.command}`], {
      env: {
        RQ_QUEUES: JSON.stringify(entries),
        RQ_CONCURRENCY: '2',
        RQ_POOL: 'conformance',
        RQ_POOL_NAMESPACE: 'conformance',
        RQ_VERSION: '1',
        RQ_POD_NAME: name,
        RQ_GRACE_PERIOD_MS: '30000',
        RQ_MAX_DRAIN_TIME_MS: '60000',
        RQ_HTTP_PORT: String(port),
        REDIS_URL: this.server.url,
        ...env,
      },
    });
    this.#pods.push(process);
    const get: Pod['get'] = async (path) => {
      try {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
        return { status: response.status, body: await response.text() };
      } catch {
        return undefined;
      }
    };
    return { name, process, get };
  }

  /** Resolves once so many jobs of the queue run. */
  async untilActive(queue: string, count: number): Promise<void> {
    await this.until(
      `${count} jobs of ${queue} to run`,
      async () => (await this.queue(queue).getActiveCount()) === count,
    );
  }

  async untilCompleted(queue: string, count: number): Promise<void> {
    const completed = async (): Promise<boolean> => (await this.queue(queue).getCompletedCount()) === count;
    await this.until(`${count} jobs of ${queue} to complete`, completed);
  }

  /** @throws Error when that has not come true in time, with the last failure of the probe */
  async until(description: string, probe: () => Promise<boolean>, withinMs = SOON_MS): Promise<void> {
    const endMs = performance.now() + withinMs * this.patience;
    let failure = '';
    while (performance.now() < endMs) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- this is the loop that waits
        if (await probe()) return;
      } catch (error) {
        failure = `: ${error instanceof Error ? error.message : String(error)}`;
      }
      // oxlint-disable-next-line no-await-in-loop
      await sleep(LOOK_EVERY_MS);
    }
    throw new Error(`waited ${(withinMs * this.patience) / 1000} s for ${description}${failure}`);
  }
}
