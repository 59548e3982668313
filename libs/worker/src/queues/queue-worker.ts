import { setTimeout as sleep } from 'node:timers/promises';
import { Worker, type Job, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { lockToken, type Holding } from './holding.ts';
import { parkedJobs, type ParkedJobs } from './parked-jobs.ts';
import { endLocksOfTheDead } from './predecessor.ts';
import { explainStalls } from './suspects.ts';

/** What a fetch found: a job, or when to fetch again at the latest (undefined: nothing is known to become ready). */
export type Fetched = { job: Job } | { job?: undefined; limitedForMs?: number; dueAtMs?: number };

/**
 * A wake-up that BullMQ stores in a queue's `marker`, for whoever waits for work: now, or when a delayed job is due.
 */
export interface Marker {
  member: string;
  score: number;
}

/** Runs one job: BullMQ's processor, with the signal that aborts when the job's lock was lost. */
export type Process = (job: Job, token?: string, lockLost?: AbortSignal) => Promise<unknown>;

/**
 * A BullMQ worker that fetches only when the caller asks. BullMQ's own loop takes jobs by a limit per queue, which
 * cannot be shared between queues; here the caller takes a slot first. All that happens to a job is left to BullMQ.
 *
 * Overrides nothing; uses what BullMQ leaves to subclasses (`lockManager`, `nextJobFromJobData`), so the version of
 * bullmq is pinned.
 */
export class QueueWorker extends Worker {
  /** Moves jobs aside that cannot run here yet. */
  readonly parked: ParkedJobs;
  readonly #redis: Redis;
  #holder: string;
  /** Runs that are not yet over, by job id. */
  readonly #runs = new Map<string, Promise<unknown>>();

  /** @param redis the connection for all but waiting, which several workers may share; it stays open on close. */
  constructor(name: string, process: Process, redis: Redis, opts: Omit<WorkerOptions, 'connection' | 'autorun'>) {
    super(name, async (job, token, signal) => await process(job, token, signal), {
      ...opts,
      connection: redis,
      autorun: false,
    });
    this.#redis = redis;
    this.#holder = this.id;
    this.parked = parkedJobs(redis, (suffix) => this.toKey(suffix), Date.now);
  }

  /** Names this process in the tokens of its locks from now on. */
  holdAs(holding: Holding): void {
    this.#holder = holding.id;
  }

  /** The token of the lock on the next job that this worker fetches. */
  tokenOf(fetches: number): string {
    return lockToken(this.#holder, fetches);
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

  /** Starts what runs beside the jobs: renewal of their locks and the search for stalled ones. */
  async start(): Promise<void> {
    this.lockManager.start();
    await this.startStalledCheckTimer();
  }

  async fetch(token: string): Promise<Fetched> {
    const [data, id, limitedForMs, dueAtMs] = await this.backend.moveToActive(token, this.opts.name);
    const job = await this.nextJobFromJobData(data, id, token);
    if (job) return { job };
    return { ...(limitedForMs > 0 ? { limitedForMs } : {}), ...(dueAtMs > 0 ? { dueAtMs } : {}) };
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
    explainStalls(job);
    const run = this.processJob(job, token, mayGoOn);
    const over = run.catch(() => undefined);
    this.#runs.set(id, over);
    try {
      return (await run) || undefined;
    } finally {
      this.#runs.delete(id);
    }
  }

  /** Takes a marker off the queue, waiting for one at most `timeoutMs`; undefined when none came. */
  async takeMarker(timeoutMs: number): Promise<Marker | undefined> {
    const seconds = Math.max(timeoutMs / 1000, this.minimumBlockTimeout);
    return (await this.backend.waitForJob(Math.min(seconds, this.maximumBlockTimeout))) ?? undefined;
  }

  /**
   * Puts a job back to the front of its queue, or of those of its priority, without an attempt or a stall.
   *
   * @throws Error when this worker does not hold the job's lock any more.
   */
  async handBack(job: Job, token?: string): Promise<void> {
    await job.moveToWait(token);
  }

  /** Puts a marker back, so that another pod that waits for work wakes: this one has no slot for it. */
  async handOn(marker: Marker = { member: '0', score: 0 }): Promise<void> {
    await this.#redis.zadd(this.backend.keys.marker!, marker.score, marker.member);
  }

  /** Ends a `takeMarker` that waits. */
  async interrupt(): Promise<void> {
    await this.backend.disconnectBlocking(false);
  }

  async reconnect(): Promise<void> {
    await this.backend.reconnectBlocking();
  }
}
