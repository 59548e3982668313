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
  /** The pod's slots, those in use, and those given up to handlers that do not end. */
  slots: { total: number; taken: number; stuck: number };
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
/** From then on a pod whose slots are all in use says for how long its oldest job has run. */
const LONG_RUN_MS = 60_000;
/** Locks are renewed every 2 to 4 s and end after 24 s: by then nothing that runs here is this pod's any more. */
export const UNRENEWED_AFTER_MS = 30_000;

/**
 * Whether the pod makes progress. A lost connection is no reason to restart it: a new process could not connect either,
 * and would lose the jobs that still run. A loop that hangs, or locks that nobody renews, while Redis is there, are; and
 * handlers that do not end on every slot, whose jobs have failed already: only a new process can run jobs again.
 */
export function liveness(input: HealthInput): Health {
  const { nowMs, connectedSinceMs, loops, oldestJobMs, locksRenewedMs, slots } = input;
  if (connectedSinceMs === undefined) return { ok: true, message: unreachable(input) };
  for (const { queue, step, sinceMs } of loops) {
    const hangs = WAITS_FOR_REDIS.has(step) && nowMs - Math.max(sinceMs, connectedSinceMs) > STUCK_AFTER_MS;
    if (hangs) return { ok: false, message: `queue ${queue}: no progress in step "${step}" for over a minute` };
  }
  if (slots.stuck >= slots.total) return { ok: false, message: allStuck(slots) };
  const renewedMs = Math.max(locksRenewedMs, oldestJobMs ?? nowMs, connectedSinceMs);
  if (nowMs - renewedMs > UNRENEWED_AFTER_MS) {
    return { ok: false, message: 'jobs run, but their locks have not been renewed for half a minute' };
  }
  const oldestRunMs = nowMs - (oldestJobMs ?? nowMs);
  return slots.taken >= slots.total && oldestRunMs >= LONG_RUN_MS
    ? { ok: true, message: `all ${slots.total} slots are in use; the oldest job has run for ${minutes(oldestRunMs)}` }
    : { ok: true, message: 'making progress' };
}

/** Whether the pod takes jobs: connected, every queue fetched once since, a slot not given up, and not draining. */
export function readiness(input: HealthInput): Health {
  const { connectedSinceMs, draining, loops, slots } = input;
  if (draining) return { ok: false, message: 'draining' };
  if (connectedSinceMs === undefined) return { ok: false, message: unreachable(input) };
  if (slots.stuck >= slots.total) return { ok: false, message: allStuck(slots) };
  // one that is to fetch nothing says nothing about the pod
  const silent = loops
    .filter(({ fetching, step }) => !fetching && step !== 'paused' && step !== 'limited')
    .map(({ queue }) => queue);
  return silent.length > 0
    ? { ok: false, message: `not fetching yet from ${silent.join(', ')}` }
    : { ok: true, message: 'fetching' };
}

function allStuck({ total }: HealthInput['slots']): string {
  const slots = total === 1 ? 'the slot is' : `all ${total} slots are`;
  return `${slots} given up to handlers that go on although their jobs have failed by jobTimeout; only a new process can run jobs`;
}

function minutes(ms: number): string {
  return `${Math.floor(ms / 60_000)} min`;
}

function unreachable({ redisError }: HealthInput): string {
  return `Redis is unreachable; reconnecting${redisError ? ` (${redisError})` : ''}`;
}
