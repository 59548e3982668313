import type { Job } from 'bullmq';
import type { Log } from './log.ts';

export interface JobContext {
  /**
   * Aborts when the job shall stop: the pod has drained for its grace period, or the job's lock was lost, so that
   * another pod may run it. A handler that then rejects with `signal.reason` has its job handed back at no cost.
   */
  signal: AbortSignal;
  /** Logs with the queue's and the job's name on every line. */
  log: Log;
}

/** Runs one job; what it returns is the job's result, what it throws fails the attempt. */
export type Handler = (job: Job, context: JobContext) => Promise<unknown>;

/** The reason that `JobContext.signal` aborts with. */
export class JobStopped extends Error {
  override name = 'JobStopped';
}

/**
 * Whether a handler stopped because it was told to, and not because its work failed: it threw the signal's reason, an
 * AbortError (as fetch and timers do), or an error caused by one of them.
 */
export function stoppedAsTold(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  const chain = new Set<unknown>();
  for (let at = error; at && !chain.has(at); at = at instanceof Error ? at.cause : undefined) {
    if (at === signal.reason || (at instanceof Error && at.name === 'AbortError')) return true;
    chain.add(at);
  }
  return false;
}
