import type { RateLimitWindow } from './rate-limit.ts';

/** The window of a rate limit that runs at one moment: BullMQ counts in a key that expires with it. */
export interface RunningWindow {
  /** By Redis' clock, Unix ms. */
  readonly readAtMs: number;
  readonly endsAtMs: number;
  /** Somebody holds the queue back for this time, by BullMQ's `rateLimit()`: it is no window in which jobs are counted. */
  readonly holdsBack: boolean;
}

/** Redis' clock is read in whole ms, and a key may outlive its time by one. */
const SLACK_MS = 5;
/** The counter with which BullMQ holds a queue back; no limit is as high. */
const HELD_BACK = 1e15;

/** Reads what the script for the policy says of the window; undefined when none runs. */
export function parseRunningWindow(reply: unknown, redisTimeMs: number): RunningWindow | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [started, leftMs] = reply.map(Number) as [number, number];
  if (!Number.isFinite(started) || !Number.isSafeInteger(leftMs)) return undefined;
  return { readAtMs: redisTimeMs, endsAtMs: redisTimeMs + leftMs, holdsBack: started >= HELD_BACK };
}

/** What was read before, while the same limit was set. */
export interface EarlierReading {
  readonly readAtMs: number;
  /** Of the window that ran then. */
  readonly endsAtMs?: number;
}

/** How long a window lasts, as far as two readings tell. */
export interface WindowLength {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/**
 * How long the running window lasts in all. It was opened after the earlier reading, since another one ran then, or none;
 * and not later than now. The end of that other one proves nothing: `removeRateLimitKey()` ends a window in its midst, and
 * so may a failover. Pure.
 *
 * @returns undefined when nothing is known: it is that same window, or no window in which jobs are counted, or Redis'
 *   clock was set back.
 */
export function windowLength(earlier: EarlierReading, now: RunningWindow): WindowLength | undefined {
  const { readAtMs, endsAtMs = readAtMs } = earlier;
  if (now.holdsBack || now.readAtMs < readAtMs || now.endsAtMs <= endsAtMs + SLACK_MS) return undefined;
  return { atLeastMs: now.endsAtMs - now.readAtMs, atMostMs: now.endsAtMs - readAtMs };
}

/**
 * Whether windows last as long as the limit says. Each worker may set another length (`limiter.duration` of BullMQ's
 * Worker), which is nowhere in Redis: only the windows that it opens show it.
 *
 * @returns undefined when the length is not known well enough.
 */
export function isAsLimited(
  { atLeastMs, atMostMs }: WindowLength,
  { durationMs }: RateLimitWindow,
): boolean | undefined {
  if (atLeastMs > durationMs + SLACK_MS || atMostMs < durationMs - SLACK_MS) return false;
  // As near as it can be told from one that is a tenth shorter.
  return atLeastMs > 0.9 * durationMs ? true : undefined;
}
