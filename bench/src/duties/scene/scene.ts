import { eventually } from '@redis-queue/rig';
import type { PoolWorker, WorkerOptions } from '@redis-queue/worker';
import { FlowProducer, Queue, type Job, type Telemetry, type Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { describeJob } from './describe-job.ts';
import { atRest, trafficOf } from './traffic.ts';

/** What a handler of a row gets beside its job, whoever calls it. */
export interface Tools {
  signal: AbortSignal;
  worker: PoolWorker;
  /** Limits the queue as the side's users do, and fails with what says so. */
  rateLimit: (ms: number) => Promise<never>;
}

export type Run = (job: Job, tools: Tools) => Promise<unknown>;

/** How long a lock holds, when it is renewed, how often stalled jobs are searched for; ms. */
export interface Locks {
  durationMs: number;
  renewMs: number;
  searchMs: number;
}

export interface ServeOptions {
  /** Ends at once by default. */
  run?: Run;
  /** Runs the jobs instead. */
  file?: URL;
  options?: WorkerOptions;
  /** Jobs at once; 1 by default, so that the order is certain. */
  concurrency?: number;
  locks?: Locks;
  /** Another queue that the same pod serves. */
  beside?: Queue;
  telemetry?: Telemetry;
}

export interface Served {
  /** Of the row's queue. */
  worker: PoolWorker;
  workers: PoolWorker[];
  /** Finishes what runs and ends. */
  stop: () => Promise<void>;
}

/** Who serves: plain BullMQ, or this project's library. */
export interface Side {
  name: 'plain' | 'ours';
  serve: (where: { port: number; prefix: string; queues: string[] }, run: Run, options: ServeOptions) => Served;
}

export const LOCKS: Locks = { durationMs: 24_000, renewMs: 4_000, searchMs: 4_000 };
const PATIENCE = { timeoutMs: 30_000, intervalMs: 10 };
/** Keys that say when something happened, not what. */
const TIMED_KEYS = ['stalled-check', 'marker', 'limiter'];
const LISTENED = ['active', 'completed', 'failed', 'progress', 'stalled', 'paused', 'resumed', 'drained'] as const;

/** One side of a row: a queue of its own, who serves it, and what was seen. */
export class Scene {
  /** Name of every run's job, in the order in which they began. */
  readonly starts: string[] = [];
  /** The same, when; ms on a monotonic clock. */
  readonly startsMs: number[] = [];
  /** The token of each run's lock. */
  readonly tokens: (string | undefined)[] = [];
  /** What the worker emitted, in order. */
  readonly events: string[] = [];
  /** Messages of the `error` events: how many there are is a matter of time. */
  readonly errors: string[] = [];
  readonly queue: Queue;
  readonly redis: Redis;
  readonly #side: Side;
  readonly #port: number;
  readonly #prefix: string;
  readonly #served: Served[] = [];
  readonly #others: { close: () => Promise<void> }[] = [];
  #running = 0;
  #mostRunning = 0;

  constructor(side: Side, row: number, redis: Redis, port: number) {
    this.#side = side;
    this.#port = port;
    this.#prefix = `${side.name}-${row}`;
    this.redis = redis;
    this.queue = this.another('q');
  }

  /** Runs that have not ended. */
  get running(): number {
    return this.#running;
  }

  get mostRunning(): number {
    return this.#mostRunning;
  }

  another(name: string): Queue {
    const queue = new Queue(name, { connection: this.redis, prefix: this.#prefix, skipMetasUpdate: true });
    queue.on('error', () => undefined);
    this.#others.push(queue);
    return queue;
  }

  flows(): FlowProducer {
    const flows = new FlowProducer({ connection: this.redis, prefix: this.#prefix });
    this.#others.push(flows);
    return flows;
  }

  /** Begins to serve the row's queue. */
  serve(options: ServeOptions = {}): Served {
    const { run = async () => undefined } = options;
    const counted: Run = async (job, tools) => {
      this.starts.push(job.name);
      this.startsMs.push(performance.now());
      this.tokens.push(job.token);
      this.#mostRunning = Math.max(this.#mostRunning, ++this.#running);
      try {
        return await run(job, tools);
      } finally {
        this.#running--;
      }
    };
    const queues = [this.queue, ...(options.beside ? [options.beside] : [])].map(({ name }) => name);
    const { worker, workers, stop } = this.#side.serve(
      { port: this.#port, prefix: this.#prefix, queues },
      counted,
      options,
    );
    const served: Served = {
      worker,
      workers,
      stop: async () => {
        // BullMQ 5 fails on a connection that is closed before it was there
        await Promise.all(workers.map(async (one) => await (one as unknown as Worker).waitUntilReady()));
        await stop();
      },
    };
    for (const event of LISTENED) {
      worker.on(event, (subject?: unknown) => {
        const named = typeof subject === 'object' ? ` ${(subject as Job | undefined)?.name}` : '';
        this.events.push(`${event}${named}`);
      });
    }
    for (const one of workers) one.on('error', ({ message }) => void this.errors.push(message));
    this.#served.push(served);
    return served;
  }

  async add(...names: string[]): Promise<Job[]> {
    return await this.queue.addBulk(names.map((name) => ({ name, data: {} })));
  }

  async until(what: string, happened: () => boolean | Promise<boolean>): Promise<void> {
    await eventually(happened, { ...PATIENCE, description: `${this.#side.name}: ${what}` });
  }

  async untilStarts(count: number): Promise<void> {
    await this.until(`${count} starts`, () => this.starts.length >= count);
  }

  /** Until a worker has found nothing to do; it waits for work then. */
  async idle(): Promise<void> {
    await this.until('the worker to find nothing', () => this.events.includes('drained'));
    await this.waits();
    await this.rest();
  }

  /** Until a worker waits for work, as Redis sees it, or so many. */
  async waits(workers = 1): Promise<void> {
    await this.until('the worker to wait for work', async () => {
      return (await this.#connections()).filter((client) => /flags=\w*b/.test(client)).length >= workers;
    });
  }

  /** What the workers have asked Redis for so far. */
  get traffic(): Readonly<Pick<ReturnType<typeof trafficOf>, 'waitSeconds' | 'onClosed'>> {
    return trafficOf(this.#prefix);
  }

  /** Until a worker has looked for work that nothing told it of, and waits again: for nothing that it would take. */
  async looksAgain(): Promise<void> {
    const before = trafficOf(this.#prefix).waits;
    // the first to begin may follow a look of before
    await this.until('the worker to look again', () => trafficOf(this.#prefix).waits >= before + 2);
  }

  /** Until stalled jobs have been searched for twice more. */
  async searchesAgain(): Promise<void> {
    const searches = new Set<string | null>();
    await this.until('two searches for stalled jobs', async () => {
      // when the last one was; beside it, the one from before, and none while nobody may search
      searches.add(await this.redis.get(this.queue.toKey('stalled-check')));
      searches.delete(null);
      return searches.size > 2;
    });
  }

  /** Until the workers do nothing more unless a timer, a job's end or a new job makes them. */
  async rest(): Promise<void> {
    await this.until('the workers to be at rest', async () => await atRest(this.#prefix, this.redis));
  }

  /** Until nothing waits, runs or is delayed, and the workers know. */
  async settled(): Promise<void> {
    await this.until('nothing to be left to do', async () => {
      const counts = await this.queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'waiting-children');
      return Object.values(counts).every((count) => count === 0) && (await atRest(this.#prefix, this.redis));
    });
  }

  /** Every job that there is, by its name and what it came to. */
  async jobs(queue: Queue = this.queue): Promise<unknown[]> {
    const found = await queue.getJobs();
    const described = await Promise.all(found.map(async (job) => await describeJob(job)));
    return described.toSorted((a, b) => Number(a.id) - Number(b.id) || a.id.localeCompare(b.id));
  }

  /** What Redis' stream of events says, in order. */
  async stream(): Promise<string[]> {
    const entries = await this.redis.xrange(this.queue.toKey('events'), '-', '+');
    return entries.map(([, fields]) => {
      const { event, jobId, prev } = Object.fromEntries(pairs(fields)) as Record<string, string>;
      return [event, jobId, prev].filter((part) => part !== undefined).join(' ');
    });
  }

  /** The queue's keys in Redis. */
  async keys(): Promise<string[]> {
    const before = this.queue.toKey('');
    const keys = (await this.redis.keys(`${before}*`)).map((key) => key.slice(before.length));
    return keys.filter((key) => !TIMED_KEYS.includes(key)).toSorted();
  }

  /** All of it. */
  async all(): Promise<unknown> {
    const { starts, events } = this;
    return { starts, events, jobs: await this.jobs(), stream: await this.stream(), keys: await this.keys() };
  }

  /** Has Redis close every connection of the row's workers. */
  async cutConnections(): Promise<void> {
    for (const client of await this.#connections()) {
      await this.redis.client('KILL', 'ID', /id=(\d+)/.exec(client)![1]!);
    }
  }

  async #connections(): Promise<string[]> {
    const clients = String(await this.redis.client('LIST')).split('\n');
    return clients.filter((client) => / name=([^ :]*)/.exec(client)?.[1] === this.#prefix);
  }

  async end(): Promise<void> {
    await Promise.all(this.#served.map(async ({ stop }) => await stop()));
    await Promise.all(this.#others.map(async (other) => await other.close()));
  }
}

function* pairs(flat: string[]): Generator<[string, string]> {
  for (let i = 0; i + 1 < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!];
}
