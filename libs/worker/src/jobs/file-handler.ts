import type { Job } from 'bullmq';
import type { Handler } from './handler.ts';

/** Runs a job in a worker's file. */
export type RunFile = (job: Job, token: string | undefined, signal: AbortSignal) => Promise<unknown>;

/**
 * A handler that has its jobs run in a file. What goes to its process and comes back is JSON, in which errors lose their
 * class and reasons their message: the signal aborts there with the reason's text, and a file that stopped because of it
 * is told by that text, or by the name of an AbortError.
 */
export function fileHandler(runFile: RunFile): Handler {
  return async (job, { signal }) => {
    const stop = new AbortController();
    const text = (): string => (signal.reason instanceof Error ? signal.reason.message : String(signal.reason));
    const abort = (): void => stop.abort(text());
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    try {
      return await runFile(job, job.token, stop.signal);
    } catch (error) {
      const stopped =
        signal.aborted && error instanceof Error && (error.name === 'AbortError' || error.message === text());
      throw stopped ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  };
}
