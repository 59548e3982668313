import { setTimeout as sleep } from 'node:timers/promises';
import { UnrecoverableError } from '../bullmq/installed.ts';

/** The reason with which a job fails that ran for longer than its queue allows; a failure like any other. */
export class JobTimeout extends Error {
  override name = 'JobTimeout';
}

/** How long a handler has to end once its signal has aborted, and as long as its time at most. */
const MAX_GRACE_MS = 5_000;
/** Timers of Node count 31 bits of ms; longer than this no pod lives. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The time that a run of a job may take. */
export interface TimeLimit {
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
  /** Rejects `graceMs` later, for a handler that does not listen. */
  readonly expired: Promise<never>;
  readonly graceMs: number;
  /** The run has ended. */
  readonly end: () => void;
}

/**
 * Begins to count the time of a run.
 *
 * @param timeoutMs absent: it may take as long as it wants.
 */
export function startTimeLimit(queue: string, timeoutMs: number | undefined): TimeLimit {
  const over = new AbortController();
  const ended = new AbortController();
  const { promise: expired, reject } = Promise.withResolvers<never>();
  // Nobody may be listening any more.
  expired.catch(() => undefined);
  const graceMs = Math.min(timeoutMs ?? MAX_GRACE_MS, MAX_GRACE_MS);
  if (timeoutMs !== undefined) void count(timeoutMs, { queue, over, graceMs, reject, ended: ended.signal });
  return { signal: over.signal, expired, graceMs, end: () => ended.abort() };
}

async function count(
  timeoutMs: number,
  run: {
    queue: string;
    over: AbortController;
    graceMs: number;
    reject: (reason: Error) => void;
    ended: AbortSignal;
  },
): Promise<void> {
  const { queue, over, graceMs, reject, ended } = run;
  const reason = new JobTimeout(
    `the job ran for longer than the ${timeoutMs / 1000} s that jobTimeout of Queue ${queue} allows`,
  );
  try {
    await sleep(Math.min(timeoutMs, MAX_TIMER_MS), undefined, { signal: ended });
    over.abort(reason);
    await sleep(graceMs, undefined, { signal: ended });
    reject(reason);
  } catch {
    // The run ended within its time.
  }
}

/**
 * What a run failed with, where its time was over first: that is why, whatever the handler made of its signal. A handler
 * that wants no further attempt is heard.
 */
export function timeoutOf(error: unknown, limit: TimeLimit, signal: AbortSignal): JobTimeout | undefined {
  const { reason } = limit.signal as { reason: unknown };
  if (!(reason instanceof JobTimeout) || signal.reason !== reason || error instanceof UnrecoverableError)
    return undefined;
  if (error === reason || reason.cause !== undefined) return reason;
  return Object.assign(reason, { cause: error });
}
