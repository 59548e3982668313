import { saidBefore, timestamp, type Notice } from '@redis-queue/controller';
import type { DecisionSignal, ScalingDecision } from '@redis-queue/scaling-bus';
import type { PoolObject } from '@redis-queue/redis-access';
import { PoolCondition, type Reason } from '../kubernetes/reasons.ts';

/** Most queues that the message names. */
const MOST_NAMED = 5;
/** Decisions say since when by clocks that differ a little: what was said first stays. */
const SAME_SINCE_MS = 10_000;

/**
 * Which queues nobody consumes although pods are ready and have free slots. The autoscaler sees it: what it said last
 * stays until it has said something since this process began. Pure.
 */
export function queuesNotConsumed(pool: PoolObject, decision: ScalingDecision | undefined): Notice<Reason> {
  if (!pool.spec.autoscaling?.enabled) return undefined;
  if (!decision) return saidBefore<Reason>(pool.status?.conditions, PoolCondition.QueueNotConsumed);
  const before = saidBefore<Reason>(pool.status?.conditions, PoolCondition.QueueNotConsumed)?.message ?? '';
  const queues = decision.signals.filter(({ notConsumedMs }) => notConsumedMs !== undefined);
  if (queues.length === 0) return undefined;
  const named = queues.slice(0, MOST_NAMED).map((signal) => describeQueue(signal, decision.sampledAt, before));
  const more = queues.length > MOST_NAMED ? ` and ${queues.length - MOST_NAMED} more queues` : '';
  return {
    reason: 'QueueNotConsumed',
    message: `No job has been fetched although pods are ready and the queue is neither paused nor limited: ${named.join(', ')}${more}. Read the log of the pods: whether they reach the Redis of the Queue, fetch by its name and prefix in Redis, and run as many jobs at once as spec.concurrency says. A pod that hangs has to be deleted; its Deployment starts another.`,
  };
}

function describeQueue(signal: DecisionSignal, atMs: number, before: string): string {
  const { queue, depth = 0, freeSlots = 0, notConsumedMs = 0 } = signal;
  const since = sinceOf(queue, atMs - notConsumedMs, before);
  const jobs = depth === 1 ? '1 job waits' : `${depth} jobs wait`;
  const slots = freeSlots === 1 ? '1 slot is' : `${freeSlots} slots are`;
  return `${queue} since ${since} (${jobs}, ${slots} free)`;
}

function sinceOf(queue: string, sinceMs: number, before: string): string {
  const said = before.split(` ${queue} since `)[1]?.split(' ')[0] ?? '';
  return Math.abs(Date.parse(said) - sinceMs) < SAME_SINCE_MS ? said : timestamp(sinceMs);
}
