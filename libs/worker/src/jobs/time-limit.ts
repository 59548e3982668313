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
  /** Why the run failed; undefined while its time is not over. */
  readonly reason: JobTimeout | undefined;
  /** Rejects `graceMs` after the time is over, for a handler that does not listen. */
  readonly expired: Promise<never>;
  readonly graceMs: number;
  /** The run has ended. */
  readonly end: () => void;
}

/** Begins to count the time of a run. @param abort called when it is over */
export function startTimeLimit(queue: string, timeoutMs: number, abort: (reason: JobTimeout) => void): TimeLimit {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  // nobody may be listening any more
  expired.catch(() => undefined);
  const graceMs = Math.min(timeoutMs, MAX_GRACE_MS);
  let reason: JobTimeout | undefined;
  let timer = setTimeout(
    () => {
      const over = new JobTimeout(
        `the job ran for longer than the ${timeoutMs / 1000} s that jobTimeout of Queue ${queue} allows`,
      );
      reason = over;
      timer = setTimeout(() => reject(over), graceMs);
      abort(over);
    },
    Math.min(timeoutMs, MAX_TIMER_MS),
  );
  return {
    get reason() {
      return reason;
    },
    expired,
    graceMs,
    end: () => clearTimeout(timer),
  };
}

/**
 * What a run failed with, where its time was over first: that is why, whatever the handler made of its signal. A handler
 * that wants no further attempt is heard.
 */
export function timeoutOf(error: unknown, limit: TimeLimit | undefined, signal: AbortSignal): JobTimeout | undefined {
  const reason = limit?.reason;
  if (!reason || signal.reason !== reason || error instanceof UnrecoverableError) return undefined;
  if (error === reason || reason.cause !== undefined) return reason;
  return Object.assign(reason, { cause: error });
}
