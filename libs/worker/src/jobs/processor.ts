import type { Job } from 'bullmq';
import { RATE_LIMIT_ERROR, RateLimitError, UnrecoverableError, WaitingError } from '../bullmq/installed.ts';
import type { Log } from '../log/log.ts';
import { waitOf, type WorkerMetrics } from '../observability/metrics.ts';
import type { Process } from '../queues/file-runs.ts';
import { stoppedAsAsked, type Handler, type JobContext } from './handler.ts';
import { checkJobData, type StandardSchema } from './job-data.ts';
import { Parents } from './parents.ts';
import type { RunningJobs } from './running-jobs.ts';
import type { StuckHandlers } from './stuck-handlers.ts';
import { startTimeLimit, timeoutOf } from './time-limit.ts';

export interface ProcessorOptions {
  queue: string;
  handler: Handler;
  schema?: StandardSchema | undefined;
  /** How long a run may take; absent: as long as it wants. */
  timeoutMs?: number | undefined;
  log: Log;
  metrics: WorkerMetrics;
  /** Monotonic milliseconds. */
  now: () => number;
  running: RunningJobs;
  /** Follows handlers that go on after their job has failed by its time limit. */
  stuck: Pick<StuckHandlers, 'watch'>;
  /** Ends by force what runs the job; absent: nothing can. */
  kill?: ((job: Job) => void) | undefined;
  /** Puts a job back to the front of its queue. */
  handBack: (job: Job, token?: string) => Promise<void>;
  /** Whether a job had children: of those nobody stores since when they were ready. */
  hadChildren: (job: Job) => Promise<boolean>;
  /** Has nothing fetched from the queue for so long. */
  limitQueue: (ms: number) => Promise<void>;
}

/** Up to here nobody looks for children: a queue that keeps up costs Redis no more. */
const SHORT_WAIT_MS = 100;

/**
 * What BullMQ calls for a job: checks its data, runs the handler, fails the job when it takes longer than it may, and
 * hands it back when the pod drains.
 *
 * A job that is handed back goes to the front of its queue with neither an attempt nor a stall counted. After a
 * hand-back its handler may still run until the process exits, moments later; jobs are delivered at least once.
 */
export function createProcessor(options: ProcessorOptions): Process {
  const { queue, handler, schema, timeoutMs, metrics, running, stuck, now } = options;
  const rateLimit: JobContext['rateLimit'] = async (ms) => {
    await options.limitQueue(ms);
    throw new RateLimitError();
  };
  const parents = new Parents(options.hadChildren, now);
  /** Beside the run, which does not wait for it. */
  const observeWait = async (job: Job): Promise<void> => {
    const wait = waitOf(job);
    if (wait === undefined) return;
    // without an answer the wait is not known
    if (wait > SHORT_WAIT_MS && (await parents.had(job).catch(() => true))) return;
    metrics.wait.observe({ queue }, wait / 1000);
  };
  return async (job, token, lockLost) => {
    const log = options.log.child({ queue, jobId: job.id, attempt: job.attemptsMade + 1 });
    const started = now();
    // one for all that aborts the handler: controllers, and what joins them, are most of what a short run costs here
    const aborting = new AbortController();
    const { signal } = aborting;
    const { promise: handedBack, reject: handBack } = Promise.withResolvers<never>();
    // nobody may be listening any more
    handedBack.catch(() => undefined);
    let [toStop, toHandBack] = [false, false];
    const end = running.start(started, {
      stop: (why) => {
        toStop = true;
        aborting.abort(why);
      },
      handBack: (why) => {
        toHandBack = true;
        handBack(why);
      },
    });
    const limit =
      timeoutMs === undefined ? undefined : startTimeLimit(queue, timeoutMs, (reason) => aborting.abort(reason));
    if (lockLost?.aborted) aborting.abort(lockLost.reason);
    else lockLost?.addEventListener('abort', () => aborting.abort(lockLost.reason), { once: true });
    void observeWait(job);
    let over = false;
    // a schema may hang as well
    const handle = async (): Promise<unknown> => {
      const checked = await checkJobData(schema, job.data);
      if (!checked.ok) throw new UnrecoverableError(checked.message);
      // nobody waits for a handler that would only begin now
      if (over) return undefined;
      job.data = checked.data;
      return await handler(job, { signal, log, rateLimit });
    };
    let handling: Promise<unknown> | undefined;
    try {
      handling = handle().finally(() => (handling = undefined));
      return await Promise.race(limit ? [handling, handedBack, limit.expired] : [handling, handedBack]);
    } catch (error) {
      // left by its time limit, whatever its signal had aborted for before; a drain ends the process
      if (handling && limit && !toHandBack) {
        options.kill?.(job);
        stuck.watch(handling, limit.graceMs, log);
      }
      const timeout = timeoutOf(error, limit, signal);
      if (timeout) throw timeout;
      if (!toHandBack && !(toStop && stoppedAsAsked(error, signal))) {
        if (isRateLimit(error)) metrics.jobs.inc({ queue, outcome: 'rate_limited' });
        throw error;
      }
      try {
        await options.handBack(job, token);
        metrics.jobs.inc({ queue, outcome: 'handed_back' });
        log.info('handed the job back, because the pod drains');
      } catch (refused) {
        // no error of the job's: it would be failed with it
        log.warn('cannot hand the job back; it runs again once its lock ends', { error: refused });
      }
      throw new WaitingError();
    } finally {
      over = true;
      end();
      limit?.end();
      metrics.run.observe({ queue }, (now() - started) / 1000);
    }
  };
}

/** As BullMQ tells it: a file's error has lost its class. */
function isRateLimit(error: unknown): boolean {
  return error instanceof Error && error.message === RATE_LIMIT_ERROR;
}
