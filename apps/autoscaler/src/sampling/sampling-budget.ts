import type { ServerPressure } from '@redis-queue/bullmq';
import { CpuShare } from './cpu-share.ts';

/** Share of one core of a Redis that all sampling of its queues together may take. */
export const SAMPLING_BUDGET = 0.03;
/**
 * The share aimed at, of the time that scripts run: receiving calls and sending answers costs Redis a fifth more where
 * fifty queues share a call, and two fifths more where ten do.
 */
const AIM = 0.7 * SAMPLING_BUDGET;
/**
 * A quieter Redis is sampled at most twice as often at once; more would make the next measurement exceed the budget
 * again.
 */
const MOST_RELAXED = 0.5;
/**
 * Samples of queues in which no job waits are put off to at most this many times their interval before others are put
 * off.
 */
export const CALM_STRETCH = 8;
/**
 * Samples of queues in which jobs wait are put off to at most this many times their interval; beyond that the budget is
 * exceeded.
 */
export const URGENT_STRETCH = 5;

/**
 * What reading one queue takes Redis at most, and at least. It usually takes 10 to 20 us. Backups and the queue-controller
 * read by scripts too, and Redis does not say whose scripts ran: what is more than this is theirs.
 */
const MOST_PER_READ_MS = 0.06;
const LEAST_PER_READ_MS = 0.005;
/** Of the least that was seen, a read may take so many times as much: queues differ. */
const DEARER = 1.5;
/** What others read shows as dearer reads: the least seen is forgotten so slowly that it is doubled in twelve minutes. */
const FORGOTTEN = 1.005;
/** Every user of a server reports it; between two measurements their queues are read anew. */
const MEASURED_EVERY_MS = 4_000;

/**
 * Keeps the sampling of a server, whoever logs in for it, within its budget: measures how long scripts that only read ran
 * there, as far as that can be our sampling, and puts samples off by as much as that is too much. No I/O.
 */
export class SamplingBudget {
  #stretch = 1;
  #share: number | undefined;
  readonly #scripts = new CpuShare();
  readonly #reads = new CpuShare();
  #queues = 0;
  #perReadMs = MOST_PER_READ_MS;
  #measuredMs = -Infinity;

  /** So many queues were read in a script. */
  read(queues: number): void {
    this.#queues += queues;
  }

  /** The server reported how long scripts have run since it started; absent: who asked may not know. */
  reported({ readScriptMs }: ServerPressure, atMs: number): void {
    if (readScriptMs === undefined || atMs - this.#measuredMs < MEASURED_EVERY_MS) return;
    this.#measuredMs = atMs;
    const reads = this.#reads.since(this.#queues, atMs);
    const scripts = this.#scripts.since(readScriptMs, atMs);
    if (scripts === undefined || reads === undefined) return;
    this.#share = Math.min(scripts, reads * this.#mostPerRead(scripts, reads));
    this.#stretch = nextStretch(this.#stretch, this.#share);
  }

  /** By the least that a read was seen to take, when others read little. */
  #mostPerRead(scripts: number, reads: number): number {
    const seenMs = reads > 0 ? scripts / reads : Infinity;
    this.#perReadMs = Math.max(LEAST_PER_READ_MS, Math.min(seenMs, FORGOTTEN * this.#perReadMs));
    return Math.min(MOST_PER_READ_MS, DEARER * this.#perReadMs);
  }

  /** The factor by which samples are put off; 1: not at all. See `stretchedMs`. */
  get stretch(): number {
    return this.#stretch;
  }

  /** Share of one core of the Redis that sampling took at most, over the last measurement; undefined before the first. */
  get share(): number | undefined {
    return this.#share;
  }
}

/**
 * The stretch that would have made `share` the share aimed at. As the cost is inversely proportional to the time
 * between samples, it settles in two or three steps. Pure.
 */
export function nextStretch(stretch: number, share: number): number {
  const next = stretch * Math.max(share / AIM, MOST_RELAXED);
  return Math.min(Math.max(next, 1), CALM_STRETCH * URGENT_STRETCH);
}

/**
 * The time until the next sample under this stretch: queues without waiting jobs are put off first, others only after
 * that. Pure.
 */
export function stretchedMs(intervalMs: number, hasWaitingJobs: boolean, stretch: number): number {
  const factor = hasWaitingJobs ? stretch / CALM_STRETCH : Math.min(stretch, CALM_STRETCH);
  return intervalMs * Math.max(1, factor);
}
