import { saidBefore, type Notice } from '@redis-queue/controller';
import type { ScalingDecision, StuckPod } from '@redis-queue/scaling-bus';
import type { PoolObject } from '@redis-queue/redis-access';
import { PoolCondition, type Reason } from '../kubernetes/reasons.ts';

/** Most pods that the message names. */
const MOST_NAMED = 5;

/**
 * Which pods have lost slots to handlers that do not end. The pods say so in their reports, which the autoscaler reads:
 * what it said last stays until it has said something since this process began. Pure.
 */
export function stuckHandlers(pool: PoolObject, decision: ScalingDecision | undefined): Notice<Reason> {
  if (!pool.spec.autoscaling?.enabled) return undefined;
  if (!decision) return saidBefore<Reason>(pool.status?.conditions, PoolCondition.HandlersStuck);
  const { stuckHandlers: pods = [] } = decision;
  if (pods.length === 0) return undefined;
  const named = pods.slice(0, MOST_NAMED).map(describePod);
  const more = pods.length > MOST_NAMED ? ` and ${pods.length - MOST_NAMED} more pods` : '';
  return {
    reason: 'HandlersStuck',
    message: `Handlers go on although their jobs have failed by jobTimeout, and their slots are given up: ${named.join(', ')}${more}. Have handlers listen to their signal and pass it on; a pod without a slot left is restarted by its liveness probe.`,
  };
}

function describePod({ pod, handlers, slots }: StuckPod): string {
  return `${pod} (${Math.min(handlers, slots)} of ${slots} slots)`;
}
