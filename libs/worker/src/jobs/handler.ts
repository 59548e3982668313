import type { Job } from 'bullmq';
import type { Log } from '../log/log.ts';
import type { WorkerOptions } from '../queues/worker-options.ts';
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
  /**
   * Puts the job back to the front of its queue, without an attempt, and has nothing fetched from the queue for `ms`: the
   * answer to a service that says 429. It never resolves, so `return await rateLimit(3_000)`. Other pods hear of it when
   * the Queue has `rateLimits` or the workers have a `limiter`; without, each pod asks the service once.
   */
  rateLimit: (ms: number) => Promise<never>;
}

/** Runs one job; what it returns is the job's result, what it throws fails the attempt. */
export type Handler<Data = Job['data'], Result = unknown> = (job: Job<Data>, context: JobContext) => Promise<Result>;

/** A handler with what belongs to it. */
export interface HandlerWithOptions<Data = Job['data'], Result = unknown> {
  readonly run: Handler<Data, Result>;
  /** What the job's data has to pass; the handler gets what it makes of them. */
  readonly schema?: StandardSchema<Data> | undefined;
  /** Options of BullMQ's Worker for this queue; they go before `workerOptions` of `runWorkers`. */
  readonly options?: WorkerOptions | undefined;
}

/** A handler with the schema that its job's data has to pass. */
export interface CheckedHandler<Data = Job['data'], Result = unknown> extends HandlerWithOptions<Data, Result> {
  readonly schema: StandardSchema<Data>;
}

/**
 * A file whose default export runs the jobs in processes of their own (threads, with `useWorkerThreads`): BullMQ's
 * sandboxed processor, called with the job, its token and a signal.
 */
export interface FileHandler extends Omit<HandlerWithOptions, 'run'> {
  readonly file: string | URL;
}

/** What runs the jobs of a queue in the pod's own process: a function, or what `handle` makes of a schema and one. */
export type InProcessHandler<Data = Job['data'], Result = unknown> =
  Handler<Data, Result> | HandlerWithOptions<Data, Result>;

/** What runs the jobs of a queue: a function, with or without a schema and options, or a file. */
export type QueueHandler<Data = Job['data'], Result = unknown> =
  InProcessHandler<Data, Result> | FileHandler | string | URL;

/**
 * A handler whose `job.data` is what `schema` makes of the job's data, and typed so. The schema is any Standard Schema:
 * Zod, Valibot, ArkType … A job that does not pass fails for good, at once: running it again would not help.
 *
 * @param options of BullMQ's Worker, for this queue: a back-off strategy, a limiter, what to keep of finished jobs …
 */
export function handle<Data, Result>(
  schema: StandardSchema<Data>,
  run: Handler<Data, Result>,
  options?: WorkerOptions,
): CheckedHandler<Data, Result> {
  return { schema, run, ...(options && { options }) };
}

/** The parts of a handler in this process; a plain function has no schema. */
export function partsOf<Data, Result>(
  handler: InProcessHandler<Data, Result>,
): { handler: Handler<Data, Result>; schema?: StandardSchema<Data> | undefined } {
  return typeof handler === 'function' ? { handler } : { handler: handler.run, schema: handler.schema };
}

/** The file of a handler that is one, with what belongs to it. */
export function fileOf(handler: QueueHandler): FileHandler | undefined {
  if (typeof handler === 'string' || handler instanceof URL) return { file: handler };
  return 'file' in handler && handler.file !== undefined ? handler : undefined;
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
