import { headAgeMs, readyJobs, type BacklogSample } from '@redis-queue/bullmq';
import {
  estimateQueue,
  type Instant,
  type PoolObservation,
  type QueueLoad,
  type QueueObservation,
} from '@redis-queue/scaling';
import type { QueueKnowledge } from '../sampling/queue-knowledge.ts';
import type { PoolPods } from '../watching/pool-status.ts';
import type { PoolQueue, ScaledPool } from '../watching/topology.ts';

/**
 * The policy's view of a pool, each queue as of its newest sample: a time without samples is not a time without jobs.
 * Pure.
 */
export function observePool(
  pool: ScaledPool,
  { replicas, blocked = {} }: PoolPods,
  knowledge: (id: string) => QueueKnowledge | undefined,
): PoolObservation {
  const { rejected = 0, unschedulable = 0, crashLooping = 0, imageFailing = 0 } = blocked;
  return {
    currentReplicas: replicas,
    queues: pool.queues.map((queue) => observation(queue, knowledge)),
    quotaExhausted: rejected > 0,
    unschedulablePods: unschedulable,
    podsFailing: crashLooping + imageFailing > 0,
  };
}

function observation(queue: PoolQueue, knowledge: (id: string) => QueueKnowledge | undefined): QueueObservation {
  if ('unseen' in queue) return queue;
  const known = knowledge(queue.id);
  if (known?.failure !== undefined || known?.latest === undefined) {
    return { queue: queue.queue, unseen: 'SensorFailed', message: known?.failure ?? 'not sampled yet' };
  }
  return loadOf(queue, known, known.latest);
}

function loadOf(
  { queue, share }: { queue: string; share: number },
  { history, lineEmptyAtMs = -Infinity }: QueueKnowledge,
  { sample, atMs }: { sample: BacklogSample; atMs: Instant },
): QueueLoad {
  const headAge = headAgeMs(sample);
  const { rateLimit, globalConcurrency, orphaned, scheduledSoon = 0 } = sample;
  return {
    queue,
    share,
    sampledAtMs: atMs,
    ready: readyJobs(sample),
    active: sample.active,
    dueSoon: sample.dueSoon + scheduledSoon,
    ...(orphaned !== undefined && { orphaned }),
    paused: sample.paused,
    // No job has been in line since before the line was empty, whatever its producer's clock says.
    ...(headAge !== undefined && { headAgeMs: Math.min(headAge, atMs - lineEmptyAtMs) }),
    ...(rateLimit !== undefined && { rateLimitPerSecond: (rateLimit.max * 1_000) / rateLimit.durationMs }),
    ...(globalConcurrency !== undefined && { globalConcurrency }),
    // As of the sample, not as of now: a time without samples is not a time without jobs.
    estimates: estimateQueue(history, atMs),
  };
}
