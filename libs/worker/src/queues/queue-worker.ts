import { setTimeout as sleep } from 'node:timers/promises';
import {
  isNotConnectionError,
  RATE_LIMIT_ERROR,
  Worker,
  type Job,
  type JobJson,
  type Span,
  type WorkerOptions,
} from 'bullmq';
import type { Redis } from 'ioredis';
import { membersOf, type BullmqMembers, type Marker } from './bullmq-members.ts';
import { lockToken, type Holding } from './holding.ts';
import { pause } from './pause.ts';
import { parkedJobs, type ParkedJobs } from './parked-jobs.ts';
import { endLocksOfTheDead } from './predecessor.ts';
import { explainStalls } from './suspects.ts';

/** What a fetch found. */
export interface Fetched {
  job?: Job | undefined;
}

/** Runs one job: BullMQ's processor, with the signal that aborts when the job's lock was lost. */
export type Process = (job: Job, token?: string, lockLost?: AbortSignal) => Promise<unknown>;

export interface QueueWorkerOptions {
  /** The queue's name in Redis. */
  queue: string;
  process: Process;
  /** A file that BullMQ runs in processes or threads of its own; `process` then has `runFile` run the job. */
  file?: string | URL | undefined;
  /** The connection for all but waiting, which several workers may share; it stays open on close. */
  redis: Redis;
  /** The main loop: fetches and runs jobs until the worker is halted and its jobs have ended. */
  serve: (worker: QueueWorker) => Promise<void>;
  opts: Omit<WorkerOptions, 'connection' | 'autorun' | 'concurrency'>;
}

/**
 * BullMQ's Worker with another main loop. BullMQ's takes jobs by a limit per queue, which cannot be shared between
 * queues; ours takes a slot first. `run` is what is replaced; all that happens to a job is left to BullMQ, and so are
 * `pause`, `resume` and `close`, which only have to reach our loop as well. What BullMQ's loop does beside, and where it
 * is done here, is listed in docs/worker-duties.md.
 */
export class QueueWorker extends Worker {
  /** Moves jobs aside that cannot run here yet. */
  readonly parked: ParkedJobs;
  readonly #redis: Redis;
  readonly #bullmq: BullmqMembers;
  readonly #serve: (worker: QueueWorker) => Promise<void>;
  readonly #inFile: Process | undefined;
  /** Runs that are not yet over, by job id. */
  readonly #runs = new Map<string, Promise<unknown>>();
  /** Tokens of runs that ended without a fetch. */
  readonly #notFetched = new Set<string>();
  #holder: string;
  #fetches = 0;
  #started = false;
  #halt = new AbortController();
  #resumed = Promise.withResolvers<void>();
  /** Until when a handler wants nothing to be fetched; wall clock. */
  #handlersLimitMs = 0;

  /** @throws Error when the installed BullMQ is one that this cannot work with, or the file is not there. */
  constructor({ queue, process, file, redis, serve, opts }: QueueWorkerOptions) {
    // three parameters: BullMQ gives a signal only to those who take it
    const processor: Process = async (job, token, signal) => await process(job, token, signal);
    super(queue, file ?? processor, { ...opts, connection: redis, autorun: false });
    this.#redis = redis;
    this.#bullmq = membersOf(this, { inFile: file !== undefined });
    this.#holder = this.id;
    this.parked = parkedJobs(redis, (suffix) => this.toKey(suffix), Date.now);
    this.#serve = serve;
    this.#inFile = file === undefined ? undefined : this.processFn;
    this.processFn = processor;
  }

  /** Names this process in the tokens of its locks from now on. */
  holdAs(holding: Holding): void {
    this.#holder = holding.id;
  }

  /** The token of the lock on the next job that this worker fetches. */
  nextToken(): string {
    return lockToken(this.#holder, this.#fetches++);
  }

  /**
   * Makes the jobs takeable that dead processes of this pod left behind (`predecessor.ts`).
   *
   * @returns how many they are.
   */
  async takeOver(holding: Holding): Promise<number> {
    const [active, stalled, stalledCheck] = ['active', 'stalled', 'stalled-check'].map((suffix) => this.toKey(suffix));
    const keys = { active: active!, stalled: stalled!, stalledCheck: stalledCheck!, jobs: this.toKey('') };
    return await endLocksOfTheDead(this.#redis, keys, holding);
  }

  /** Serves the queue until the worker is paused or closed, or its pod leaves. */
  async start(): Promise<void> {
    this.#started = true;
    await this.run();
  }

  /** BullMQ's, with our loop; called again by `resume`, which may come before `takeOver` has ended. */
  override async run(): Promise<void> {
    if (!this.#started) return;
    if (this.running) throw new Error('Worker is already running.');
    this.running = true;
    try {
      if (this.halted.aborted) return;
      await this.startStalledCheckTimer();
      if (!this.opts.skipLockRenewal) this.#bullmq.startLockRenewal();
      this.mainLoopRunning = this.#serve(this);
      await this.mainLoopRunning;
    } finally {
      this.running = false;
    }
  }

  /** Aborts when the worker is paused or closed: nothing more is fetched. A worker that is resumed has another one. */
  get halted(): AbortSignal {
    return this.#halt.signal;
  }

  /** Resolves when a worker that is paused is resumed. */
  get resumed(): Promise<void> {
    return this.#resumed.promise;
  }

  override async pause(doNotWaitActive?: boolean): Promise<void> {
    this.#halt.abort();
    await super.pause(doNotWaitActive);
  }

  override async resume(): Promise<void> {
    if (!this.halted.aborted || this.closing) return;
    this.#halt = new AbortController();
    await super.resume();
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
  }

  override async close(force?: boolean): Promise<void> {
    this.#halt.abort();
    await super.close(force);
  }

  /** Resolves when no job runs and none will: for a worker that is halted, or whose pod leaves. */
  async ended(): Promise<void> {
    await this.mainLoopRunning;
  }

  async fetch(token: string): Promise<Fetched> {
    return { job: await this.#bullmq.take(token) };
  }

  /** Whether a rate limit keeps this worker from fetching: the queue's, its own, or one that a handler asked for. */
  get limited(): boolean {
    return this.#limitMs() > 0;
  }

  /**
   * Waits until no rate limit is known any more. Of the queue's limit, as the last fetch or the end of a job said it, at
   * most `maximumRateLimitDelay`: the next fetch says it again. One that a handler asked for is over when it is over in
   * Redis; a fetch would ignore it where neither the queue nor the worker has a limit.
   */
  async waitOutLimit(signal: AbortSignal): Promise<void> {
    for (let ms = this.#limitMs(); ms > 0 && !signal.aborted; ms = this.#limitMs()) {
      await pause(this.getRateLimitDelay(ms), signal);
      this.#bullmq.forgetLimit();
      if (this.#handlersLimitMs <= Date.now()) return;
      this.#handlersLimitMs = Date.now() + Math.max(await this.#redis.pttl(this.toKey('limiter')), 0);
    }
  }

  /** Keeps workers from fetching from this queue for so long; what BullMQ's `Queue.rateLimit` does. */
  async limitQueue(ms: number): Promise<void> {
    await this.#redis.set(this.toKey('limiter'), Number.MAX_SAFE_INTEGER, 'PX', Math.ceil(ms));
  }

  /**
   * Runs a job until its end is recorded.
   *
   * A job may come back to a process that still runs it: its lock ended while the process was blocked. BullMQ keeps one
   * lock per job and process, so the end of the first run would stop the renewal for the second: that one waits.
   *
   * @returns the queue's next job, when `mayGoOn` allows and there is one.
   */
  async runJob(job: Job, token: string, mayGoOn: () => boolean): Promise<Job | undefined> {
    const id = job.id!;
    const { lockDuration, lockRenewTime } = this.opts;
    for (let earlier = this.#runs.get(id); earlier; earlier = this.#runs.get(id)) {
      await Promise.race([earlier, sleep(lockRenewTime)]);
      await this.extendJobLocks([id], [token], lockDuration!);
    }
    const mayFetch = (): boolean => {
      const may = mayGoOn() && !this.limited;
      if (!may) this.#notFetched.add(token);
      return may;
    };
    explainStalls(job);
    const run = this.processJob(job, token, mayFetch);
    const over = run.catch(() => undefined);
    this.#runs.set(id, over);
    try {
      return (await run) || undefined;
    } finally {
      this.#runs.delete(id);
      this.#notFetched.delete(token);
    }
  }

  /** Runs a job in the worker's file. */
  async runFile(job: Job, token: string | undefined, signal: AbortSignal): Promise<unknown> {
    if (!this.#inFile) throw new Error(`the worker of queue ${this.name} has no file`);
    return await this.#inFile(job, token, signal);
  }

  /**
   * Takes a marker off the queue, waiting for one until a delayed job is due, for `drainDelay` or at most 10 s;
   * undefined when none came.
   */
  async takeMarker(): Promise<Marker | undefined> {
    const seconds = this.getBlockTimeout(this.#bullmq.dueAtMs());
    return seconds > 0 ? await this.#bullmq.waitForMarker(seconds) : undefined;
  }

  /**
   * Puts a job back to the front of its queue, or of those of its priority, without an attempt or a stall.
   *
   * @throws Error when this worker does not hold the job's lock any more.
   */
  async handBack(job: Job, token?: string): Promise<void> {
    await job.moveToWait(token);
  }

  /** Whether a job is or was a parent. */
  async hadChildren({ id }: Job): Promise<boolean> {
    const keys = ['processed', 'dependencies', 'failed', 'unsuccessful'].map((kind) => this.toKey(`${id}:${kind}`));
    return (await this.#redis.exists(keys)) > 0;
  }

  /** Puts a marker back, so that another pod that waits for work wakes: this one has no slot for it. */
  async handOn(marker: Marker = { member: '0', score: 0 }): Promise<void> {
    await this.#redis.zadd(this.toKey('marker'), marker.score, marker.member);
  }

  /** Ends a `takeMarker` that waits. */
  async interrupt(): Promise<void> {
    await this.#bullmq.interruptWait();
  }

  async reconnect(): Promise<void> {
    await this.#bullmq.reconnectWait();
  }

  /** Ends what still runs in the worker's file; their jobs are another pod's now. */
  killChildren(): void {
    this.#bullmq.killChildren();
  }

  /**
   * Emits what a fetch failed with, as BullMQ's loop does: lost connections are told of by the connection.
   *
   * @returns whether it was emitted.
   */
  emitFailedFetch(error: unknown): boolean {
    return error instanceof Error && isNotConnectionError(error) && this.emit('error', error);
  }

  protected override async handleFailed(
    error: Error,
    job: Job,
    token: string,
    mayFetch?: () => boolean,
    span?: Span,
  ): Promise<Job> {
    const next = await super.handleFailed(error, job, token, mayFetch, span);
    // the end of any other job makes BullMQ forget a limit of which Redis tells no fetch
    if (error.message === RATE_LIMIT_ERROR) this.#handlersLimitMs = this.#bullmq.limitedUntilMs();
    return next;
  }

  /** A run that ended without a fetch tells nothing about the queue: it is not `drained`. */
  protected override async nextJobFromJobData(data?: unknown, id?: string, token?: string): Promise<Job> {
    if (!data && this.#notFetched.has(token!)) return undefined!;
    return await super.nextJobFromJobData(data as JobJson, id, token);
  }

  #limitMs(): number {
    return Math.max(this.#bullmq.limitedUntilMs(), this.#handlersLimitMs) - Date.now();
  }
}
