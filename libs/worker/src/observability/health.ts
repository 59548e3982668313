import type { LoopProgress } from '../queues/queue-loop.ts';

export interface HealthInput {
  /** Monotonic ms, the clock of all times below. */
  nowMs: number;
  /** When the connection to Redis came up; undefined while it is down. */
  connectedSinceMs?: number | undefined;
  /** Why it is down, as far as is known. */
  redisError?: string | undefined;
  draining: boolean;
  loops: readonly LoopProgress[];
  /** When the job that has run longest started; undefined when none runs, or locks are not renewed on purpose. */
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
/** The steps in which a loop waits for an answer; in the others it may be for as long as jobs or limits want it. */
const WAITS_FOR_REDIS: ReadonlySet<LoopProgress['step']> = new Set(['fetch', 'wait']);
/** Locks are renewed every 2 to 4 s and end after 24 s: by then nothing that runs here is this pod's any more. */
export const UNRENEWED_AFTER_MS = 30_000;

/**
 * Whether the pod makes progress. A lost connection is no reason to restart it: a new process could not connect either,
 * and would lose the jobs that still run. A loop that hangs, or locks that nobody renews, while Redis is there, are.
 */
export function liveness(input: HealthInput): Health {
  const { nowMs, connectedSinceMs, loops, oldestJobMs, locksRenewedMs } = input;
  if (connectedSinceMs === undefined) return { ok: true, message: unreachable(input) };
  for (const { queue, step, sinceMs } of loops) {
    const hangs = WAITS_FOR_REDIS.has(step) && nowMs - Math.max(sinceMs, connectedSinceMs) > STUCK_AFTER_MS;
    if (hangs) return { ok: false, message: `queue ${queue}: no progress in step "${step}" for over a minute` };
  }
  const renewedMs = Math.max(locksRenewedMs, oldestJobMs ?? nowMs, connectedSinceMs);
  if (nowMs - renewedMs > UNRENEWED_AFTER_MS) {
    return { ok: false, message: 'jobs run, but their locks have not been renewed for half a minute' };
  }
  return { ok: true, message: 'making progress' };
}

/** Whether the pod takes jobs: connected, every queue fetched once since, and not draining. */
export function readiness(input: HealthInput): Health {
  const { connectedSinceMs, draining, loops } = input;
  if (draining) return { ok: false, message: 'draining' };
  if (connectedSinceMs === undefined) return { ok: false, message: unreachable(input) };
  // one that is to fetch nothing says nothing about the pod
  const silent = loops
    .filter(({ fetching, step }) => !fetching && step !== 'paused' && step !== 'limited')
    .map(({ queue }) => queue);
  return silent.length > 0
    ? { ok: false, message: `not fetching yet from ${silent.join(', ')}` }
    : { ok: true, message: 'fetching' };
}

function unreachable({ redisError }: HealthInput): string {
  return `Redis is unreachable; reconnecting${redisError ? ` (${redisError})` : ''}`;
}
