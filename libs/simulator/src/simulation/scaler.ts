/** What a scaler can see of the pool and its queue, now. */
export interface PoolView {
  readonly nowMs: number;
  /** Pods asked for: the Deployment's spec.replicas. */
  readonly replicas: number;
  readonly readyPods: number;
  /** Jobs in line: waiting, prioritized, due. */
  readonly ready: number;
  /** Jobs that run, those of draining pods too. */
  readonly active: number;
  /** Jobs ever added. */
  readonly added: number;
  /** Delayed jobs that are not due, retries in their back-off too. */
  readonly delayed: number;
  /** Of them, those due within `ms`. */
  dueWithin(ms: number): number;
  /** When the next of them is due; Infinity when there is none. */
  nextDueMs(): number;
  /** Since when the job next in line has been ready; undefined when unknown. */
  headReadyMs(): number | undefined;
  /** Σ over the jobs of the time they were ready or active, ms: its growth ÷ time is the mean concurrency. */
  jobMs(): number;
  /** What has finished since the last call: all counted, the newest `most` read. */
  takeFinished(most: number): TakenJobs;
}

export interface TakenJobs {
  readonly completed: number;
  /** Of first attempts, newest first. */
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
   * Whose pods go first after those that do not run yet: those with the fewest jobs, or Kubernetes' default, the
   * newest.
   */
  readonly victims: 'fewest-jobs' | 'newest';
  /** From a decision to the changed size. */
  readonly applyMs: number;
  tick(view: PoolView): Ticked;
}
