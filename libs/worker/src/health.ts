import type { LoopProgress } from './queue-loop.ts';

export interface HealthInput {
  /** Monotonic ms, the clock of all times below. */
  nowMs: number;
  /** When the connection to Redis came up; undefined while it is down. */
  connectedSinceMs?: number | undefined;
  draining: boolean;
  loops: readonly LoopProgress[];
  /** When the job that has run longest started; undefined when none runs. */
  oldestJobMs?: number | undefined;
  /** When locks were last renewed. */
  locksRenewedMs: number;
}

export interface Health {
  ok: boolean;
  /** For a person who reads the probe's failure. */
  message: string;
}

/** A fetch is one round trip, a wait at most 10 s; far beyond both a loop hangs. */
export const STUCK_AFTER_MS = 60_000;
/** Locks last 30 s and are renewed every 15 s. */
export const UNRENEWED_AFTER_MS = 60_000;

/**
 * Whether the pod makes progress. A lost connection is no reason to restart it: a new process could not connect either,
 * and would lose the jobs that still run. A loop that hangs, or locks that nobody renews, while Redis is there, are.
 */
export function liveness({ nowMs, connectedSinceMs, loops, oldestJobMs, locksRenewedMs }: HealthInput): Health {
  if (connectedSinceMs === undefined) return { ok: true, message: 'Redis is unreachable; reconnecting' };
  for (const { queue, step, sinceMs } of loops) {
    const hangs = step !== 'slot' && nowMs - Math.max(sinceMs, connectedSinceMs) > STUCK_AFTER_MS;
    if (hangs) return { ok: false, message: `queue ${queue}: no progress in step "${step}" for over a minute` };
  }
  const renewedMs = Math.max(locksRenewedMs, oldestJobMs ?? nowMs, connectedSinceMs);
  if (nowMs - renewedMs > UNRENEWED_AFTER_MS) {
    return { ok: false, message: 'jobs run, but their locks have not been renewed for over a minute' };
  }
  return { ok: true, message: 'making progress' };
}

/** Whether the pod takes jobs: connected, every queue fetched once since, and not draining. */
export function readiness({ connectedSinceMs, draining, loops }: HealthInput): Health {
  if (draining) return { ok: false, message: 'draining' };
  if (connectedSinceMs === undefined) return { ok: false, message: 'Redis is unreachable; reconnecting' };
  const silent = loops.filter(({ fetching }) => !fetching).map(({ queue }) => queue);
  return silent.length > 0
    ? { ok: false, message: `not fetching yet from ${silent.join(', ')}` }
    : { ok: true, message: 'fetching' };
}
