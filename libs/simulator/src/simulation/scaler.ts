/** What a scaler can see of the pool and its queue, now. */
export interface PoolView {
  readonly nowMs: number;
  /** Pods asked for: the Deployment's spec.replicas. */
  readonly replicas: number;
  readonly readyPods: number;
  /**
   * Of all pools of the queue: jobs that they run at once at their present size, and at their largest; undefined while
   * there is no other.
   */
  slotsOfAll(): { readonly present: number; readonly most: number } | undefined;
  /** Of the pods asked for: those that no node has room for, and those whose container ends again and again. */
  unschedulablePods(): number;
  crashLoopingPods(): number;
  /** Of the pods asked for: those that run jobs. */
  busyPods(): number;
  /** Jobs that could start: waiting, prioritized, and delayed ones that are due, whether promoted or not. */
  readonly ready: number;
  /** Of them, those that are due and that no worker has promoted yet: they are in no line. */
  readonly overdue: number;
  /** BullMQ's list of active jobs: those of draining pods too, and those whose pod was killed. */
  readonly active: number;
  /** Of them, those whose lock is gone with their worker. */
  readonly orphaned: number;
  /** Adds ever counted, those that deduplication refused too. */
  readonly added: number;
  /** Delayed jobs that are not due, retries in their back-off too. */
  readonly delayed: number;
  /** Of them, those due within `ms`. */
  dueWithin(ms: number): number;
  /** Whether the queue has job schedulers. */
  readonly hasSchedulers: boolean;
  /** Runs of job schedulers within `ms` beyond the next one of each, which is a delayed job. */
  scheduledWithin(ms: number): number;
  /** When the next delayed job is due; Infinity when there is none. */
  nextDueMs(): number;
  /** Since when the job next in line has been ready; undefined when unknown. */
  headReadyMs(): number | undefined;
  /** The limit in the queue's meta, jobs per second. */
  limitPerSecond(): number | undefined;
  /** Σ over the jobs of the time they were ready or active, ms: its growth ÷ time is the mean concurrency. */
  jobMs(): number;
  /** What has finished since the last call: all counted, the newest `most` read. */
  takeFinished(most: number): TakenJobs;
}

export interface TakenJobs {
  readonly completed: number;
  /** Of first starts, newest first. */
  readonly waitsMs: readonly number[];
  /** Of last attempts, newest first. */
  readonly serviceMs: readonly number[];
}

export interface Ticked {
  /** The size asked for; absent: as it is. */
  readonly desired?: number;
  /** When to call the scaler next, at the latest. */
  readonly nextMs: number;
  /** Sooner, this long after the next job is added. Absent: new jobs do not wake it. */
  readonly wokenAfterMs?: number;
}

/** Something that sizes a pool. It has state, so one instance serves one run. */
export interface Scaler {
  readonly name: string;
  /**
   * Whose pods go first after those that do not run yet: those whose jobs have run least, or Kubernetes' default, the
   * newest.
   */
  readonly victims: 'least-work' | 'newest';
  /** From a decision to the changed size. */
  readonly applyMs: number;
  tick(view: PoolView): Ticked;
}
