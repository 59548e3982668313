import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Span, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { isNotConnectionError, Job as BullmqJob, RATE_LIMIT_ERROR, Worker } from '../bullmq/installed.ts';
import { membersOf, type BullmqMembers, type Marker } from './bullmq-members.ts';
import { FileRuns, type Process } from './file-runs.ts';
import { HandBacks } from './hand-backs.ts';
import { lockToken, type Holding } from './holding.ts';
import { LostFetches } from './lost-fetches.ts';
import { pause } from './pause.ts';
import { parkedJobs, type ParkedJobs } from './parked-jobs.ts';
import { endLocksOfTheDead, type QueueKeys } from './predecessor.ts';
import { explainStalls } from './suspects.ts';
import { mendReply, whyUnreadable } from './unreadable-jobs.ts';

/** As BullMQ reads them from Redis; 5 and 6 name the type differently. */
type JobFields = Parameters<typeof Job.fromJSON>[1];

/** How long a run may take to end whose job is back already. */
const ABOUT_TO_END_MS = 100;

/** Why a signal aborts whose job may run elsewhere. */
export const LOCK_LOST = 'its lock was lost';

/** What a fetch found. */
export interface Fetched {
  job?: Job | undefined;
}

export interface QueueWorkerOptions {
  /** The queue's name in Redis. */
  queue: string;
  process: Process;
  /** A file that BullMQ runs in processes or threads of its own; `process` then has `files` run the job. */
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
  readonly #redis: Redis;
  readonly #bullmq: BullmqMembers;
  readonly #serve: (worker: QueueWorker) => Promise<void>;
  /** Absent: it has no file. */
  readonly files: FileRuns | undefined;
  /** How the processes of its file are started. */
  readonly #forks: NonNullable<WorkerOptions['workerForkOptions']> | undefined;
  /** Runs that are not yet over, by job id. */
  readonly #runs = new Map<string, Promise<unknown>>();
  readonly #fetched: LostFetches;
  readonly #handBacks: HandBacks;
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
    // BullMQ keeps the object, and reads it whenever it starts a process
    const workerForkOptions = { ...opts.workerForkOptions };
    super(queue, file ?? processor, { ...opts, workerForkOptions, connection: redis, autorun: false });
    this.#forks = file === undefined || opts.useWorkerThreads ? undefined : workerForkOptions;
    this.#redis = redis;
    this.#bullmq = membersOf(this, { inFile: file !== undefined });
    this.#bullmq.mendReplies(mendReply);
    this.#holder = this.id;
    this.#fetched = new LostFetches({
      redis,
      keys: this.#keys,
      holds: () => lockToken(this.#holder, ''),
      lockMs: opts.lockDuration!,
      undo: async (id, token) => await this.#undoFetch(id, token),
    });
    this.#handBacks = new HandBacks({
      fetches: this.#fetched,
      parked: parkedJobs(redis, (suffix) => this.toKey(suffix), Date.now),
      closing: () => this.closing !== undefined,
    });
    this.#serve = serve;
    this.files = file === undefined ? undefined : new FileRuns(this.processFn, this.#bullmq);
    this.processFn = processor;
  }

  /** Names this process in the tokens of its locks from now on; to be called before the first job is fetched. */
  holdAs({ id, idOfChildren, inherited }: Holding): void {
    this.#holder = this.#forks ? idOfChildren : id;
    if (!this.#forks || inherited === undefined) return;
    const { stdio = 'pipe' } = this.#forks;
    this.#forks.stdio = [...(typeof stdio === 'string' ? [stdio, stdio, stdio, 'ipc' as const] : stdio), inherited];
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
    return await endLocksOfTheDead(this.#redis, this.#keys, holding);
  }

  get #keys(): QueueKeys {
    const [active, stalled, stalledCheck] = ['active', 'stalled', 'stalled-check'].map((suffix) => this.toKey(suffix));
    return { active: active!, stalled: stalled!, stalledCheck: stalledCheck!, jobs: this.toKey('') };
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
    this.#fetched.close();
    await super.close(force);
  }

  /** Resolves when no job runs and none will: for a worker that is halted, or whose pod leaves. */
  async ended(): Promise<void> {
    await this.mainLoopRunning;
  }

  async fetch(token: string): Promise<Fetched> {
    this.#fetched.asked(token);
    try {
      const job = await this.#bullmq.take(token);
      if (job) this.#fetched.delivered(token, job.id!);
      else this.#fetched.over(token);
      return { job };
    } catch (error) {
      // what Redis gave and this process cannot take comes back with a stall, or it would come for ever
      if (isNotConnectionError(error as Error)) this.#fetched.leave(token);
      else this.#fetched.over(token);
      this.searchLostFetches();
      throw error;
    }
  }

  /** To be called when a connection was lost: answers to fetches may be lost with it. */
  searchLostFetches(): void {
    this.#fetched.search();
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
      const leftMs = await this.#redis.pttl(this.toKey('limiter'));
      // after the answer, and a key that has 0 ms left is there still: a limit must not be over too early
      this.#handlersLimitMs = leftMs < 0 ? 0 : Date.now() + leftMs + 1;
    }
  }

  /** Keeps workers from fetching from this queue for so long; what BullMQ's `Queue.rateLimit` does. */
  async limitQueue(ms: number): Promise<void> {
    await this.#redis.set(this.toKey('limiter'), Number.MAX_SAFE_INTEGER, 'PX', Math.ceil(ms));
    // at once: the end of another job may fetch before the one that limits is back
    this.#handlersLimitMs = Math.max(this.#handlersLimitMs, Date.now() + ms);
  }

  /**
   * Whether this process still runs a job that it has fetched: its lock had ended. A run that is about to end is waited
   * for: it may have put its job back itself.
   */
  async stillRuns({ id }: Job): Promise<boolean> {
    const run = this.#runs.get(id!);
    if (run) await Promise.race([run, sleep(ABOUT_TO_END_MS)]);
    return this.#runs.has(id!);
  }

  /**
   * Keeps a job away that has come back while this process still runs it, until that run is over, and aborts the signal
   * of that run: nothing of it will be recorded. BullMQ keeps one lock per job and process, so the end of the first run
   * would stop the renewal for a second.
   */
  async putOff(job: Job, token: string): Promise<void> {
    this.cancelJob(job.id!, LOCK_LOST);
    await this.#handBacks.putOff(job, token, this.#runs.get(job.id!) ?? Promise.resolve());
  }

  /**
   * Runs a job until its end is recorded; not one that this process runs already.
   *
   * @returns the queue's next job, when `mayGoOn` allows and there is one.
   */
  async runJob(job: Job, token: string, mayGoOn: () => boolean): Promise<Job | undefined> {
    const id = job.id!;
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
      const next = (await run) || undefined;
      if (next) this.#fetched.delivered(token, next.id!);
      else this.#fetched.over(token);
      return next;
    } catch (error) {
      this.#fetched.leave(token, id);
      this.searchLostFetches();
      throw error;
    } finally {
      this.#runs.delete(id);
      this.#notFetched.delete(token);
    }
  }

  /**
   * Takes a marker off the queue, waiting for one until a delayed job is due, for `drainDelay` or at most 10 s;
   * undefined when none came.
   */
  async takeMarker(): Promise<Marker | undefined> {
    const seconds = this.getBlockTimeout(this.#bullmq.dueAtMs());
    return seconds > 0 ? await this.#bullmq.waitForMarker(seconds) : undefined;
  }

  /** Moves jobs aside that cannot run here yet. */
  get parked(): ParkedJobs {
    return this.#handBacks.parked;
  }

  /** Puts a job back to the front of its queue: `HandBacks.handBack`. */
  async handBack(job: Job, token?: string): Promise<void> {
    await this.#handBacks.handBack(job, token);
  }

  async #undoFetch(id: string, token: string): Promise<void> {
    try {
      // by its id alone: its data may be what nobody can read
      await new BullmqJob(this, '', {}, {}, id).moveToWait(token);
      await this.handOn();
    } catch {
      // its lock is gone: it is somebody's
    }
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

  /** Whether an error is what Redis, or this process, answered; a connection that is lost answers nothing. */
  isAnswer(error: unknown): boolean {
    return error instanceof Error && (error.name === 'ReplyError' || isNotConnectionError(error));
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

  /**
   * A job whose data nobody can read fails with that reason, without a run. BullMQ throws, and leaves it to who looks for
   * stalled jobs, again and again.
   */
  protected override createJob(fields: JobFields, id: string): Job {
    try {
      return super.createJob(fields, id);
    } catch (error) {
      const job = super.createJob({ ...fields, data: '{}' }, id);
      job.deferredFailure = whyUnreadable('data', error);
      return job;
    }
  }

  /** A run that ended without a fetch tells nothing about the queue: it is not `drained`. */
  protected override async nextJobFromJobData(data?: unknown, id?: string, token?: string): Promise<Job> {
    if (!data && this.#notFetched.has(token!)) return undefined!;
    return await super.nextJobFromJobData(data as JobFields, id, token);
  }

  #limitMs(): number {
    return Math.max(this.#bullmq.limitedUntilMs(), this.#handlersLimitMs) - Date.now();
  }
}
