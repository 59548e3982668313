/** How a pod holds its jobs, and how soon others notice that it is gone. Milliseconds. */
export interface LockTimes {
  /** A job's lock ends this long after its last renewal. */
  durationMs: number;
  /** A lock is at most this old when it is renewed; BullMQ renews from half of it on. */
  renewMs: number;
  /** How often each queue is searched for jobs whose lock has ended. */
  searchMs: number;
}

/**
 * A pod may be blocked (a handler that blocks the event loop, Redis that fails over) for `durationMs - renewMs` = 20 s
 * and is sure to keep its jobs; with BullMQ's defaults (30 s, 15 s, 30 s) that is 15 s. The jobs of a pod that was
 * killed run elsewhere after 20 to 28 s (`durationMs - renewMs` to `durationMs + searchMs`); with the defaults after 15
 * to 90 s.
 */
export const LOCK_TIMES: LockTimes = { durationMs: 24_000, renewMs: 4_000, searchMs: 4_000 };

/**
 * How many losses of its pod (node gone, out of memory) a job survives before BullMQ fails it: 3, not BullMQ's 1, since
 * a rollout and an eviction may follow each other; not more, because a job that kills its pods must end somewhere.
 */
export const MAX_STALLED_COUNT = 3;
