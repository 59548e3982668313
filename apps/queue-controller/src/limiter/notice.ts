import type { Queue, QueueReason } from '@redis-queue/api';
import { saidBefore, type Problem } from '@redis-queue/controller';
import type { WindowVerdict } from './limiter-watch.ts';

/** The condition's type. */
export const WORKER_LIMITER = 'WorkerLimiter';

/** What the status says of limiters that workers bring themselves. While nothing is known, what it said. */
export function workerLimiter(queue: Queue, verdict: WindowVerdict | undefined): Problem<QueueReason> | undefined {
  if (verdict === undefined) return saidBefore(queue.status?.conditions, 'WorkerLimiter');
  if (verdict === 'asSet') return undefined;
  const limiter = "workers of the queue have a limiter of their own (option limiter of BullMQ's Worker)";
  if (verdict === 'notSet')
    return {
      reason: 'WorkerLimiter',
      message: `${limiter}, and each may have another; for one limit over all, set spec.rateLimits and take the option out of the workers`,
    };
  const { durationMs } = verdict.limit;
  const shorter = verdict.atMostMs < durationMs;
  const effect = shorter ? 'shorter, so that more jobs start than it allows' : 'longer, so that fewer jobs start';
  return {
    reason: queue.spec.rateLimits ? 'RateLimitOverridden' : 'WorkerLimiter',
    message: `${limiter}: its duration makes the window of ${durationMs} ms of the rate limit ${effect}; take the option out of the workers`,
  };
}
