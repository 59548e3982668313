import type { Queue, QueueReason, QueueStatus } from '@redis-queue/api';
import type { RateLimitWindow } from '@redis-queue/bullmq';
import { saidBefore, timestamp, type Problem } from '@redis-queue/controller';
import { PROOF_HOLDS_MS, type JudgedWindows, type WindowVerdict } from './limiter-watch.ts';

/** The condition's type. */
export const WORKER_LIMITER = 'WorkerLimiter';

/** Times in the status have whole seconds. */
const AFTER_END_MS = 1_000;
/** The time of the last proof is written anew when it is so much older. */
const SEEN_EVERY_MS = 5 * 60_000;

export interface WorkerLimiter {
  readonly notice: Problem<QueueReason>;
  /** When windows showed it, for the status. */
  readonly seenAt: string;
}

export interface KnownWindows {
  /** Absent: not known, as after a restart. */
  readonly windows?: JudgedWindows | undefined;
  /** The rate limit in effect in Redis; absent: none. */
  readonly limit?: RateLimitWindow | undefined;
  readonly now: Date;
}

/**
 * What the status says of limiters that workers bring themselves: what was proved within the last 15 minutes, and of the
 * limit that is in effect. While nothing is known, what it said, as long as by the time of its proof; so too when a window
 * is as set, which may be that of a worker without a limiter.
 */
export function workerLimiter(queue: Queue, { windows, limit, now }: KnownWindows): WorkerLimiter | undefined {
  const nowMs = now.getTime();
  const saidSeenAt = queue.status?.workerLimiterSeenAt;
  const saidMs = Date.parse(saidSeenAt ?? '');
  if (windows === undefined || windows.verdict === 'asSet') {
    const notice = saidOf(queue, limit);
    return notice && saidSeenAt && Math.abs(nowMs - saidMs) <= PROOF_HOLDS_MS
      ? { notice, seenAt: saidSeenAt }
      : undefined;
  }
  const { verdict, ageMs } = windows;
  if (ageMs > PROOF_HOLDS_MS || !isOf(verdict, limit)) return undefined;
  const seenMs = nowMs - ageMs;
  const seenAt = saidSeenAt && Math.abs(seenMs - saidMs) < SEEN_EVERY_MS ? saidSeenAt : timestamp(seenMs);
  if (verdict === 'notSet') return { notice: WITHOUT_LIMIT, seenAt };
  return { notice: otherLength(queue, verdict.limit, verdict.atMostMs < verdict.limit.durationMs), seenAt };
}

/**
 * In how many ms what the status says ends without another proof; undefined: it says nothing. Pure.
 *
 * @param status as it is after the reconcile.
 */
export function limiterEndsMs(
  { workerLimiterSeenAt }: Pick<QueueStatus, 'workerLimiterSeenAt'>,
  { windows, nowMs }: { readonly windows?: JudgedWindows | undefined; readonly nowMs: number },
): number | undefined {
  if (workerLimiterSeenAt === undefined) return undefined;
  const isProved = windows !== undefined && windows.verdict !== 'asSet';
  const ageMs = isProved ? windows.ageMs : nowMs - Date.parse(workerLimiterSeenAt);
  return Math.max(0, PROOF_HOLDS_MS - ageMs) + AFTER_END_MS;
}

/** Whether it was found while that limit was set. */
function isOf(verdict: Exclude<WindowVerdict, 'asSet'>, limit: RateLimitWindow | undefined): boolean {
  if (verdict === 'notSet') return limit === undefined;
  return verdict.limit.max === limit?.max && verdict.limit.durationMs === limit.durationMs;
}

/** What the status says, unless it is of another limit. */
function saidOf(queue: Queue, limit: RateLimitWindow | undefined): Problem<QueueReason> | undefined {
  const said = saidBefore<QueueReason>(queue.status?.conditions, WORKER_LIMITER);
  const possible = limit ? [true, false].map((shorter) => otherLength(queue, limit, shorter)) : [WITHOUT_LIMIT];
  return possible.find(({ reason, message }) => said?.reason === reason && said.message === message);
}

const LIMITER = "workers of the queue have a limiter of their own (option limiter of BullMQ's Worker)";

const WITHOUT_LIMIT: Problem<QueueReason> = {
  reason: 'WorkerLimiter',
  message: `${LIMITER}, and each may have another; for one limit over all, set spec.rateLimits and take the option out of the workers`,
};

function otherLength(queue: Queue, { durationMs }: RateLimitWindow, shorter: boolean): Problem<QueueReason> {
  const effect = shorter ? 'shorter, so that more jobs start than it allows' : 'longer, so that fewer jobs start';
  return {
    reason: queue.spec.rateLimits ? 'RateLimitOverridden' : 'WorkerLimiter',
    message: `${LIMITER}: its duration makes the window of ${durationMs} ms of the rate limit ${effect}; take the option out of the workers`,
  };
}
