import { seededRandom, type Distribution } from './random.ts';

/**
 * Jobs and everything that chance decides about them, drawn before any run: every scaler meets the same jobs, so that
 * runs differ by their sizes alone.
 */
export interface Workload {
  readonly name: string;
  /** Over how long jobs are added, and over how long pod-seconds are counted. */
  readonly durationMs: number;
  /** When each job is added, ms from the start, ascending. */
  readonly addedMs: Float64Array;
  /** How long each attempt of the job runs, ms. */
  readonly serviceMs: Float64Array;
  /** From added to due, ms; absent: no job is delayed. */
  readonly delayMs?: Float64Array;
  /** BullMQ priority; 0 is none, which is served first, then 1, 2, …; absent: none has one. */
  readonly priority?: Uint8Array;
  /** Attempts of the job that fail before one succeeds; absent: none fails. */
  readonly failures?: Uint8Array;
  /** Before the first retry, doubling with each further one (BullMQ's exponential backoff). */
  readonly backoffMs?: number;
  /** Absent: every add brings a job. */
  readonly deduplication?: Deduplication;
  /** The rate limit of the queue over time; absent: none. */
  readonly limits?: readonly RateLimit[];
  /** Of the jobs that job schedulers add, for what the sampler reads of those; see `schedulerRuns`. */
  readonly schedulers?: readonly Scheduler[];
}

/** The `deduplication` option that the jobs are added with. */
export interface Deduplication {
  /** The id of each add; 0 is none. */
  readonly idOf: Uint32Array;
  /**
   * `simple`: an id is taken until its job is done. `throttle`: for `ttlMs` from the add that brought a job.
   * `debounce`: as that (with `extend` and `replace`, and a delay as long), and an add replaces the job that is still
   * delayed.
   */
  readonly mode: 'simple' | 'throttle' | 'debounce';
  readonly ttlMs?: number;
}

/** `max` starts in each window of `durationMs`, from `fromMs` on. */
export interface RateLimit {
  readonly fromMs: number;
  readonly max: number;
  readonly durationMs: number;
  /** Where it is set: in the queue's meta, where the sampler reads it, or in the options of its workers. */
  readonly by: 'queue' | 'worker';
}

/** A job scheduler of BullMQ. */
export interface Scheduler {
  readonly firstMs: number;
  readonly everyMs: number;
  /** It has a cron pattern, which the sampler does not expand. */
  readonly cron: boolean;
}

export interface WorkloadPlan {
  readonly name: string;
  readonly durationMs: number;
  readonly seed: number;
  readonly service: Distribution;
  /** Share of the jobs that are added with a delay, and the delay. */
  readonly delayed?: { readonly share: number; readonly delay: Distribution };
  /** Priorities to draw from, each as likely. */
  readonly priorities?: readonly number[];
  /** Probability that an attempt fails, and the most attempts a job gets. */
  readonly failing?: { readonly share: number; readonly attempts: number; readonly backoffMs: number };
}

/** The workload of jobs that are added at `addedMs`. */
export function workload(plan: WorkloadPlan, addedMs: Float64Array): Workload {
  const { name, durationMs, seed, service, delayed, priorities, failing } = plan;
  const draw = (salt: number) => seededRandom(seed * 0x9e37_79b1 + salt);
  const [services, delays, urgencies, failures] = [draw(1), draw(2), draw(3), draw(4)];
  return {
    name,
    durationMs,
    addedMs,
    serviceMs: addedMs.map(() => service(services)),
    ...(delayed && { delayMs: addedMs.map(() => (delays() < delayed.share ? delayed.delay(delays) : 0)) }),
    ...(priorities && {
      priority: Uint8Array.from(addedMs, () => priorities[Math.floor(urgencies() * priorities.length)]!),
    }),
    ...(failing && {
      failures: Uint8Array.from(addedMs, () => {
        let failed = 0;
        while (failed < failing.attempts - 1 && failures() < failing.share) failed++;
        return failed;
      }),
      backoffMs: failing.backoffMs,
    }),
  };
}

/** Starts when every job runs to its end: each attempt is one. */
export function startsOf({ addedMs, failures }: Workload): number {
  return addedMs.length + (failures?.reduce((sum, failed) => sum + failed, 0) ?? 0);
}

/** Mean of the jobs in service if each started when due: Σ of all attempts' service times ÷ duration. */
export function offeredLoad({ serviceMs, failures, durationMs }: Workload): number {
  return serviceMs.reduce((sum, ms, job) => sum + ms * (1 + (failures?.[job] ?? 0)), 0) / durationMs;
}
