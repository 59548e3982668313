import type { Job, JobProgress, JobsOptions } from 'bullmq';
import { RATE_LIMIT_ERROR, RateLimitError, UnrecoverableError } from '../bullmq/installed.ts';
import { partsOf, stoppedAsAsked, type InProcessHandler } from '../jobs/handler.ts';
import { checkJobData } from '../jobs/job-data.ts';
import { createLog, type LogLevel } from '../log/log.ts';
import { MemoryJob, type JobNotes } from './memory-job.ts';

export interface RunJobOptions {
  /** As the producer adds it: what the handler sees is what its schema makes of it. */
  data: unknown;
  /** The job's name; `job` by default. */
  name?: string;
  id?: string;
  queue?: string;
  /** As the producer sets them; one attempt by default, as in BullMQ. */
  opts?: JobsOptions;
  /** Which attempt this is; 1 is the first. */
  attempt?: number;
  /** Aborts the handler's signal: what a draining pod does. */
  signal?: AbortSignal;
}

/** A line that the handler logged. */
export interface LogLine {
  level: LogLevel;
  msg: string;
  [field: string]: unknown;
}

interface Recorded {
  logs: LogLine[];
  /** What the handler gave to `job.updateProgress`. */
  progress: JobProgress[];
  /** What the handler gave to `job.log`. */
  rows: string[];
}

/** How a run ended, in the words of the metric `redis_queue_worker_jobs_total`. */
export type JobRun<Result> = Recorded &
  (
    | { outcome: 'completed'; result: Result }
    /** `failed` is for good; `retried` runs again after its back-off. */
    | { outcome: 'failed' | 'retried'; error: Error }
    /** The handler stopped because its signal aborted: the job runs again elsewhere, no attempt is counted. */
    | { outcome: 'handed_back' }
    /** The handler asked for a pause of its queue: the job runs again after it, no attempt is counted. */
    | { outcome: 'rate_limited' }
  );

/**
 * Runs one handler on one job in memory, as a worker would: schema, signal, log, attempts. Needs no Redis; a handler
 * that asks Redis for more (children, state, …) is tested with `drainQueues`.
 */
export async function runJob<Data, Result>(
  tested: InProcessHandler<Data, Result>,
  options: RunJobOptions,
): Promise<JobRun<Result>> {
  const { data, name = 'job', id = '1', queue = 'test', opts = {}, attempt = 1 } = options;
  const { handler, schema } = partsOf(tested);
  const signal = options.signal ?? new AbortController().signal;
  const notes: JobNotes = { progress: [], rows: [] };
  const logs: LogLine[] = [];
  const log = createLog('debug', Date.now, (line) => logs.push(JSON.parse(line) as LogLine));
  const job = new MemoryJob<unknown, Result>(id, queue, name, data, opts, notes);
  job.attemptsMade = attempt - 1;
  job.attemptsStarted = attempt;
  const recorded = { logs, ...notes };
  try {
    const checked = await checkJobData(schema, data);
    if (!checked.ok) throw new UnrecoverableError(checked.message);
    job.data = checked.data;
    const result = await handler(job as Job<Data>, {
      signal,
      log: log.child({ queue, jobId: id, attempt }),
      rateLimit: () => Promise.reject(new RateLimitError()),
    });
    return { outcome: 'completed', result, ...recorded };
  } catch (thrown) {
    if (stoppedAsAsked(thrown, signal)) return { outcome: 'handed_back', ...recorded };
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (error.message === RATE_LIMIT_ERROR) return { outcome: 'rate_limited', ...recorded };
    const again = !(error instanceof UnrecoverableError) && attempt < (opts.attempts ?? 1);
    return { outcome: again ? 'retried' : 'failed', error, ...recorded };
  }
}
