import type { Job } from 'bullmq';
import type { Log } from '../log/log.ts';
import { keepParked, type ParkedJobs } from './parked-jobs.ts';
import type { Slots } from './slots.ts';

/**
 * How many jobs, itself included, may run in a process together with one that has stalled so often: it may be what ended
 * its process. After its first stall it has half of the slots' company, since most who stalled only ran beside
 * another, or on a node that was lost; from the second on it runs alone.
 *
 * So no job stalls more than twice because of others, and one that ends its process every time takes others along twice
 * at most: the third and the fourth time, the one that fails it, it is alone.
 */
export function mostBeside(stalls: number, slots: number): number {
  if (stalls === 0) return slots;
  return stalls === 1 ? Math.max(1, Math.floor(slots / 2)) : 1;
}

const STALLED_TOO_OFTEN = 'job stalled more than allowable limit';

/**
 * Says what BullMQ's reason for a job that stalled too often means; the reason still begins with BullMQ's words, by which
 * others know it.
 */
export function explainStalls(job: Pick<Job, 'deferredFailure' | 'stalledCounter'>): void {
  if (job.deferredFailure !== STALLED_TOO_OFTEN) return;
  job.deferredFailure = `${STALLED_TOO_OFTEN}: ${job.stalledCounter} times the process that ran it ended, or was frozen, before the job did; the last times it ran alone. Look for pods that were OOMKilled or ended with an error, then correct the handler or the job's data, or raise the memory limit, before you retry it`;
}

/** How long a pod waits first, with fewer jobs than it could run, until few enough run for a suspect. */
const FIRST_PATIENCE_MS = 30_000;
const MOST_PATIENCE_MS = 86_400_000;
/** After it waited in vain it runs as many jobs as it can for this many times as long: a fifth of its time is lost. */
const REST = 4;

/** A slot for a job that has to run with few others. */
export interface Room {
  /** Lets others take slots again; called once it is known which job was fetched. */
  readonly widen: () => void;
  /** Aborts when a rate limit has kept it unused for so long that others shall have it. */
  readonly over: AbortSignal;
}

export interface MakeRoom {
  parked: ParkedJobs;
  job: Job;
  token: string;
  queue: string;
  stop: AbortSignal;
}

/** Keeps jobs that may have ended their process away from others; one for all queues of a pod. */
export class Suspects {
  readonly #slots: Slots;
  readonly #log: Log;
  /** Monotonic ms. */
  readonly #now: () => number;
  #patienceMs = FIRST_PATIENCE_MS;
  #restsUntilMs = 0;

  constructor(slots: Slots, log: Log, now: () => number) {
    this.#slots = slots;
    this.#log = log;
    this.#now = now;
  }

  /** Whether the job may have ended a process, and is about to run again. */
  isSuspect(job: Job): boolean {
    // one that stalled too often is failed without running
    return job.stalledCounter > 0 && !job.deferredFailure;
  }

  /**
   * Lets a job run that has a slot, when few enough others have one; as long as it runs no more get one.
   *
   * @returns what is to be called when it has run; undefined when it must not run now.
   */
  admit(job: Job): (() => void) | undefined {
    if (!this.isSuspect(job)) return () => undefined;
    const most = mostBeside(job.stalledCounter, this.#slots.total);
    if (this.#slots.jobs > most) return undefined;
    return this.#slots.narrow(most);
  }

  /**
   * For a job that was fetched and must not run now: moves it aside without an attempt, gives its slot back and waits,
   * while the jobs that run end, for a slot beside few enough others; then puts the job to the front of its queue. What
   * this process does meanwhile cannot stall the job, since it holds no lock of it.
   *
   * Who waited in vain lets the job go, to other pods too, and waits twice as long the next time: in the end as long as
   * the longest job takes.
   *
   * @returns a slot, on which the job can be fetched again; undefined: none was taken.
   */
  async makeRoom({ parked, job, token, queue, stop }: MakeRoom): Promise<Room | undefined> {
    const slots = this.#slots;
    try {
      await parked.park(job, token);
    } finally {
      slots.release(queue);
    }
    if (this.#now() < this.#restsUntilMs) return undefined;
    const most = mostBeside(job.stalledCounter, slots.total);
    const about = { queue, jobId: job.id, stalls: job.stalledCounter, most };
    this.#log.info('waits until few enough jobs run for one that stalled before', about);
    const widen = slots.narrow(most);
    const giveUp = new AbortController();
    const gone = keepParked(parked, job, () => giveUp.abort());
    const timer = setTimeout(() => giveUp.abort(), this.#patienceMs);
    const taken = await slots.take(queue, AbortSignal.any([stop, giveUp.signal]), { first: true });
    clearTimeout(timer);
    const isGone = gone.end();
    if (taken) this.#patienceMs = FIRST_PATIENCE_MS;
    else {
      widen();
      if (!stop.aborted && !isGone) this.#rest(about);
    }
    // where that fails it comes back by itself
    if (!isGone) await parked.toFront(job).catch(() => undefined);
    return taken ? { widen, over: AbortSignal.timeout(FIRST_PATIENCE_MS) } : undefined;
  }

  #rest(about: object): void {
    const waitedMs = this.#patienceMs;
    this.#patienceMs = Math.min(2 * waitedMs, MOST_PATIENCE_MS);
    this.#restsUntilMs = this.#now() + REST * waitedMs;
    const text = 'too many jobs run for one that stalled before; other pods may run it meanwhile';
    this.#log.warn(text, { ...about, waitedMs });
  }
}
