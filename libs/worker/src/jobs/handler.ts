import type { Job } from 'bullmq';
import type { Log } from '../log/log.ts';
import type { StandardSchema } from './job-data.ts';

export interface JobContext {
  /**
   * Aborts when the job should stop: the pod has drained for its grace period; the job's lock was lost, so that another
   * pod may run it; or it has run for longer than `jobTimeout` of its Queue. A handler that then rejects with
   * `signal.reason` has its job handed back at no cost, or, if its time was over, failed.
   */
  signal: AbortSignal;
  /** Logs with the queue's and the job's name on every line. */
  log: Log;
}

/** Runs one job; what it returns is the job's result, what it throws fails the attempt. */
export type Handler<Data = Job['data'], Result = unknown> = (job: Job<Data>, context: JobContext) => Promise<Result>;

/** A handler with the schema that its job's data has to pass. */
export interface CheckedHandler<Data = Job['data'], Result = unknown> {
  readonly schema: StandardSchema<Data>;
  readonly run: Handler<Data, Result>;
}

/** What runs the jobs of a queue: a function, or what `handle` makes of a schema and a function. */
export type QueueHandler<Data = Job['data'], Result = unknown> = Handler<Data, Result> | CheckedHandler<Data, Result>;

/**
 * A handler whose `job.data` is what `schema` makes of the job's data, and typed so. The schema is any Standard Schema:
 * Zod, Valibot, ArkType … A job that does not pass fails for good, at once: running it again would not help.
 */
export function handle<Data, Result>(
  schema: StandardSchema<Data>,
  run: Handler<Data, Result>,
): CheckedHandler<Data, Result> {
  return { schema, run };
}

/** The two parts of a handler; a plain function has no schema. */
export function partsOf<Data, Result>(
  handler: QueueHandler<Data, Result>,
): { handler: Handler<Data, Result>; schema?: StandardSchema<Data> } {
  return typeof handler === 'function' ? { handler } : { handler: handler.run, schema: handler.schema };
}

/** The reason that `JobContext.signal` aborts with. */
export class JobStopped extends Error {
  override name = 'JobStopped';
}

/**
 * Whether a handler stopped because it was asked to, and not because its work failed: it threw the signal's reason, an
 * AbortError (as fetch and timers do), or an error caused by one of them.
 */
export function stoppedAsAsked(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  const chain = new Set<unknown>();
  for (let at = error; at && !chain.has(at); at = at instanceof Error ? at.cause : undefined) {
    if (at === signal.reason || (at instanceof Error && at.name === 'AbortError')) return true;
    chain.add(at);
  }
  return false;
}
