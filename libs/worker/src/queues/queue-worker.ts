import { setTimeout as sleep } from 'node:timers/promises';
import { Worker, type Job, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { membersOf, type BullmqMembers, type Marker } from './bullmq-members.ts';
import { endPredecessorsLocks } from './predecessor.ts';

/** What a fetch found: a job, or when to fetch again at the latest (undefined: nothing is known to become ready). */
export type Fetched = { job: Job } | { job?: undefined; limitedForMs?: number; dueAtMs?: number };

/** BullMQ waits no longer either: a connection that waits for long may be lost unnoticed. */
const LONGEST_WAIT_SECONDS = 10;

/** Runs one job: BullMQ's processor, with the signal that aborts when the job's lock was lost. */
export type Process = (job: Job, token?: string, lockLost?: AbortSignal) => Promise<unknown>;

/**
 * A BullMQ worker that fetches only when the caller asks. BullMQ's own loop takes jobs by a limit per queue, which
 * cannot be shared between queues; here the caller takes a slot first. All that happens to a job is left to BullMQ.
 *
 * Overrides nothing; what it uses beyond BullMQ's public interface is in `bullmq-members.ts`.
 */
export class QueueWorker extends Worker {
  readonly #redis: Redis;
  readonly #members: BullmqMembers;
  /** Runs that are not yet over, by job id. */
  readonly #runs = new Map<string, Promise<unknown>>();

  /**
   * @param redis the connection for all but waiting, which several workers may share; it stays open on close.
   * @throws Error when the installed BullMQ is one that this cannot work with.
   */
  constructor(name: string, process: Process, redis: Redis, opts: Omit<WorkerOptions, 'connection' | 'autorun'>) {
    super(name, async (job, token, signal) => await process(job, token, signal), {
      ...opts,
      connection: redis,
      autorun: false,
    });
    this.#redis = redis;
    this.#members = membersOf(this);
  }

  /**
   * Before the first fetch: makes the jobs takeable that the container before this one left behind (`predecessor.ts`).
   *
   * @returns how many they are.
   */
  async takeOver(): Promise<number> {
    return await endPredecessorsLocks(
      this.#redis,
      {
        active: this.toKey('active'),
        stalled: this.toKey('stalled'),
        stalledCheck: this.toKey('stalled-check'),
        jobs: this.toKey(''),
      },
      this.opts.name!,
    );
  }

  /** Starts what runs beside the jobs: renewal of their locks and the search for stalled ones. */
  async start(): Promise<void> {
    this.#members.startLockRenewal();
    await this.startStalledCheckTimer();
  }

  async fetch(token: string): Promise<Fetched> {
    const job = await this.#members.take(token);
    if (job) return { job };
    const [limitedForMs, dueAtMs] = [this.#members.limitedUntilMs() - Date.now(), this.#members.dueAtMs()];
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
    return await this.#members.waitForMarker(Math.min(seconds, LONGEST_WAIT_SECONDS));
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
    await this.#redis.zadd(this.toKey('marker'), marker.score, marker.member);
  }

  /** Ends a `takeMarker` that waits. */
  async interrupt(): Promise<void> {
    await this.#members.interruptWait();
  }

  async reconnect(): Promise<void> {
    await this.#members.reconnectWait();
  }
}
