import type { PoolAdviceStatus, WorkerPool } from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import type { DecisionAdvice } from '@redis-queue/scaling-bus';

/**
 * What `status.autoscaling.advice` says. Pure. The autoscaler repeats the same text until its advice changes, at most
 * every ten minutes, so the text is written as it is. Earlier advice stays while the autoscaler gives none (it has
 * restarted and measures anew), until that has been followed.
 */
export function adviceStatus(pool: WorkerPool, advice: DecisionAdvice | undefined): PoolAdviceStatus | undefined {
  if (advice === undefined) {
    const before = pool.status?.autoscaling?.advice;
    return before && !isFollowed(pool.spec, before) ? before : undefined;
  }
  const { concurrency, resources, eventLoopLagMs, message, pods, since } = advice;
  const { requests, limits } = resources ?? {};
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(resources && { resources: { ...(requests && { requests }), ...(limits && { limits }) } }),
    ...(eventLoopLagMs !== undefined && { eventLoopLagMs }),
    message,
    pods,
    since: timestamp(since),
  };
}

/**
 * Whether the spec has the slots that were advised, with which nothing was measured yet, or else all of the resources.
 */
function isFollowed({ concurrency, resources }: WorkerPool['spec'], advice: PoolAdviceStatus): boolean {
  if (advice.concurrency !== undefined) return advice.concurrency === concurrency;
  const amounts = (['requests', 'limits'] as const).flatMap((kind) =>
    Object.entries(advice.resources?.[kind] ?? {}).map(([name, amount]) => [amount, resources?.[kind]?.[name]]),
  );
  return amounts.length > 0 && amounts.every(([wanted, now]) => String(wanted) === String(now));
}
