import { backoffMs, chanceOf, type Backoff } from './backoff.ts';

/** What decides about a failed job. */
export interface FailedJob {
  readonly id: string;
  /** Unix ms, by the clock of the worker. */
  readonly finishedOn: number;
  /** BullMQ's `atm`. */
  readonly attemptsMade: number;
  /** Runs that redis-queue gave it. */
  readonly retries: number;
  /** `attempts` of its options; 1 unless set. */
  readonly attempts: number;
  readonly backoff?: Backoff;
  /** It belongs to a flow. */
  readonly flow?: 'child' | 'parent';
  /** Its last run ended with an UnrecoverableError. */
  readonly unrecoverable: boolean;
  /** It was failed because its runs stalled too often. */
  readonly stalled: boolean;
}

/** `unreadable`: it is no job that BullMQ failed, or a dead letter. */
export type LeftReason = 'flowChild' | 'flowParent' | 'unreadable';

export interface RetryPolicy {
  /** Runs after the first before a job is dead. */
  readonly maxRetries: number;
  /**
   * How long a failed job stays one at least, ms, so that who counts failures sees it: what reads the newest failed jobs
   * every few seconds would else miss those that run again or are moved at once. Default 0.
   */
  readonly restMs?: number;
}

export type Decision =
  | { readonly action: 'retry' | 'move' }
  | { readonly action: 'wait'; readonly untilMs: number }
  | { readonly action: 'leave'; readonly reason: LeftReason };

/**
 * What is to become of a failed job: it runs again, now or later, until it has run `max(attempts, 1 + maxRetries)` times,
 * and is a dead letter then. Pure: what was decided before is not remembered.
 *
 * - Of a flow nothing is touched: a child's failure is its parent's business.
 * - A failure that BullMQ does not retry although attempts are left is final: an UnrecoverableError, also one of a class
 *   of the user's, or a backoff strategy that says stop. With no attempt left such a class is not recognised.
 * - A job that stalled too often ran, as far as anybody knows. BullMQ before v6 does not count that as an attempt, so our
 *   own retries are counted beside.
 *
 * @param nowMs by the clock of Redis.
 */
export function decide(job: FailedJob, { maxRetries, restMs = 0 }: RetryPolicy, nowMs: number): Decision {
  if (job.flow !== undefined) return { action: 'leave', reason: job.flow === 'child' ? 'flowChild' : 'flowParent' };
  const runs = Math.max(job.attemptsMade, 1 + job.retries);
  const gaveUp = (job.unrecoverable || runs < job.attempts) && !job.stalled;
  const action = gaveUp || runs >= Math.max(job.attempts, 1 + maxRetries) ? 'move' : 'retry';
  const backoff = action === 'retry' ? backoffMs(job.backoff, runs, chanceOf(`${job.id} ${job.finishedOn}`)) : 0;
  const untilMs = job.finishedOn + Math.max(backoff, restMs);
  return untilMs <= nowMs ? { action } : { action: 'wait', untilMs };
}
