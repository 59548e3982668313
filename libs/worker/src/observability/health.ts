import type { LoopProgress } from '../queues/queue-loop.ts';

/** A queue's loop, and whether it need not turn now: paused, limited, or without a free slot. */
export interface LoopHealth extends LoopProgress {
  rests: boolean;
}

export interface HealthInput {
  /** Monotonic ms, the clock of all times below. */
  nowMs: number;
  /** When the connection to Redis came up; undefined while it is down. */
  connectedSinceMs?: number | undefined;
  /** Why it is down, as far as is known. */
  redisError?: string | undefined;
  /** Since when Redis has answered on a connection of its own, while a loop does not turn; undefined: it does not. */
  answersSinceMs?: number | undefined;
  draining: boolean;
  loops: readonly LoopHealth[];
  /** How long a loop may take to turn. */
  stuckAfterMs: number;
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

/** From then on a pod whose slots are all in use says for how long its oldest job has run. */
const LONG_RUN_MS = 60_000;
/** Locks are renewed every 2 to 4 s and end after 24 s: by then nothing that runs here is this pod's any more. */
export const UNRENEWED_AFTER_MS = 30_000;

/**
 * Whether the pod makes progress. A Redis that is away is no reason to restart it: a new process could not connect
 * either, and would lose the jobs that still run. A loop that does not turn, or locks that nobody renews, while Redis is
 * there, are; and handlers that do not end on every slot, whose jobs have failed already: only a new process can run
 * jobs again.
 */
export function liveness(input: HealthInput): Health {
  const { nowMs, connectedSinceMs, oldestJobMs, locksRenewedMs, slots } = input;
  const hangs = input.draining ? undefined : stuckLoop(input);
  if (hangs) return { ok: false, message: hangs };
  if (connectedSinceMs === undefined) return { ok: true, message: unreachable(input) };
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

/** What is wrong with the first loop that does not turn although Redis has been there for as long as it may take. */
function stuckLoop(input: HealthInput): string | undefined {
  const { nowMs, connectedSinceMs, answersSinceMs, loops, stuckAfterMs } = input;
  const isOver = (...sincesMs: (number | undefined)[]): boolean =>
    nowMs - Math.max(...sincesMs.map((ms) => ms ?? nowMs)) > stuckAfterMs;
  // one whose commands fail each second moves from step to step; whether Redis is there only another connection knows
  const hangs = ({ turnedMs, sinceMs }: LoopHealth): boolean =>
    isOver(turnedMs, sinceMs, connectedSinceMs) || isOver(turnedMs, answersSinceMs);
  const stuck = loops.find((loop) => !loop.rests && hangs(loop));
  if (!stuck) return undefined;
  const seconds = Math.floor((nowMs - stuck.turnedMs) / 1_000);
  const redis = answersSinceMs === undefined ? 'Redis is connected' : 'Redis answers on another connection';
  return `queue ${stuck.queue}: nothing was fetched for ${seconds} s although ${redis}, a slot is free, and the queue is neither paused nor limited; its loop hangs in step "${stuck.step}"`;
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

/** The same probe, which says once when it begins to fail: the kubelet's event does not show what it answered. */
export function reportedOnce(probe: () => Health, report: (reason: string) => void): () => Health {
  let wasOk = true;
  return () => {
    const health = probe();
    if (wasOk && !health.ok) report(health.message);
    wasOk = health.ok;
    return health;
  };
}
