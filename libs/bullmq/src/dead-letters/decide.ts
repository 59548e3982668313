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

/** `unreadable`: its id or score are not those of a job that BullMQ failed. */
export type LeftReason = 'flowChild' | 'flowParent' | 'unreadable';

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
export function decide(job: FailedJob, { maxRetries }: { readonly maxRetries: number }, nowMs: number): Decision {
  if (job.flow !== undefined) return { action: 'leave', reason: job.flow === 'child' ? 'flowChild' : 'flowParent' };
  const runs = Math.max(job.attemptsMade, 1 + job.retries);
  if (runs >= Math.max(job.attempts, 1 + maxRetries)) return { action: 'move' };
  const gaveUp = job.unrecoverable || runs < job.attempts;
  if (gaveUp && !job.stalled) return { action: 'move' };
  const untilMs = job.finishedOn + backoffMs(job.backoff, runs, chanceOf(`${job.id} ${job.finishedOn}`));
  return untilMs <= nowMs ? { action: 'retry' } : { action: 'wait', untilMs };
}
