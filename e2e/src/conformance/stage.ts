import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisServer } from '@redis-queue/rig';
import type { Pod, PodRequest, PodRuntime, PodSite } from './runtime.ts';

/** What the image under test is asked to do. */
export interface Subject {
  /** The Queues (`metadata.name`) whose jobs it has handlers for; the first runs `job`, as does the second if any. */
  readonly queues: readonly string[];
  /** The data of a job that takes about so long. */
  readonly job: (ms: number) => object;
}

/** A queue as a row asks for it; by its name in Redis. */
export interface ServedQueue {
  readonly name: string;
  /** `metadata.name`; absent: the first of those that the image has a handler for. */
  readonly queue?: string;
  readonly jobTimeoutMs?: number;
  readonly weight?: number;
}

/** For how long a row may wait. */
export interface StageLimits {
  /** How many times as long as on a machine at rest everything may take. */
  readonly patience: number;
  /** By `performance.now()`: when the time for all rows is over. */
  readonly endMs: number;
}

/** Pods that differ from those that most rows ask for. */
export type StageOptions = Partial<Pick<PodRequest, 'concurrency' | 'drainPolicy' | 'restarts'>>;

const PREFIX = 'bull';
/** Within this a pod has started, or done what it should do soon. */
const SOON_MS = 60_000;
const LOOK_EVERY_MS = 20;
/** A command waits for as long while Redis is away. */
const COMMAND_MS = 30_000;

/** A Redis, its queues and the pods of one row. */
export class Stage {
  readonly subject: Subject;
  readonly redis: Redis;
  readonly #site: PodSite;
  readonly #limits: StageLimits;
  readonly #queues = new Map<string, Queue>();

  private constructor(subject: Subject, site: PodSite, limits: StageLimits) {
    this.subject = subject;
    this.#limits = limits;
    this.#site = site;
    this.redis = new Redis(site.redis.url, { maxRetriesPerRequest: null, commandTimeout: COMMAND_MS });
    this.redis.on('error', () => undefined);
  }

  static async open(subject: Subject, runtime: PodRuntime, limits: StageLimits): Promise<Stage> {
    return new Stage(subject, await runtime.openSite(), limits);
  }

  /** RQ_POOL_NAMESPACE */
  get namespace(): string {
    return this.#site.namespace;
  }

  get server(): RedisServer {
    return this.#site.redis;
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    await this.#site.close();
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
  async start(name: string, queues: readonly ServedQueue[], options: StageOptions = {}): Promise<Pod> {
    const [first] = this.subject.queues;
    return await this.#site.start({
      name,
      queues: queues.map((queue) => ({ queue: first!, prefix: PREFIX, ...queue })),
      concurrency: 2,
      drainPolicy: { gracePeriod: '30s', maxDrainTime: '1m' },
      restarts: false,
      ...options,
    });
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
    const { patience } = this.#limits;
    const startMs = performance.now();
    const endMs = Math.min(startMs + (withinMs + this.#site.delayMs) * patience, this.#limits.endMs);
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
    throw new Error(`waited ${Math.round((performance.now() - startMs) / 1000)} s for ${description}${failure}`);
  }
}
