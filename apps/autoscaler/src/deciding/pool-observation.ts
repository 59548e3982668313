import { headAgeMs, readyJobs, type BacklogSample } from '@redis-queue/bullmq';
import {
  estimateQueue,
  loadOfPool,
  type Instant,
  type PoolObservation,
  type QueueLoad,
  type Slots,
  type UnseenQueue,
} from '@redis-queue/scaling';
import { dueJobs, type QueueKnowledge } from '../sampling/queue-knowledge.ts';
import type { PoolPods } from '../watching/pool-status.ts';
import type { PoolQueue, ScaledPool } from '../watching/topology.ts';
import { workingPods } from './queue-slots.ts';

/** A queue's load before it is known which part of it is the pool's. */
type WholeLoad = Omit<QueueLoad, 'share'>;

/**
 * The policy's view of a pool, each queue as of its newest sample: a time without samples is not a time without jobs.
 * Pure.
 */
export function observePool(
  pool: ScaledPool,
  pods: PoolPods,
  knowledge: (id: string) => QueueKnowledge | undefined,
  slotsOfAll: (id: string) => Slots | undefined = () => undefined,
): PoolObservation {
  const { replicas, ready, blocked = {} } = pods;
  const { rejected = 0, unschedulable = 0, crashLooping = 0, imageFailing = 0 } = blocked;
  return {
    currentReplicas: replicas,
    ...(ready !== undefined && { readyReplicas: ready }),
    ...(!pool.hasProbes && { readyUnproven: true }),
    queues: pool.queues.map((queue) => {
      const load = observation(queue, knowledge);
      if ('unseen' in load) return load;
      const { concurrency, maxReplicas, waitTargetMs } = pool.view;
      // One of which no pod works keeps its part: it has to be there when they do.
      const own = { present: (workingPods(pods) || replicas) * concurrency, most: maxReplicas * concurrency };
      return loadOfPool(load, { own, all: ('id' in queue && slotsOfAll(queue.id)) || own, waitTargetMs });
    }),
    quotaExhausted: rejected > 0,
    unschedulablePods: unschedulable,
    failingPods: crashLooping + imageFailing,
  };
}

function observation(queue: PoolQueue, knowledge: (id: string) => QueueKnowledge | undefined): UnseenQueue | WholeLoad {
  if ('unseen' in queue) return queue;
  const known = knowledge(queue.id);
  if (known?.failure !== undefined || known?.latest === undefined) {
    return { queue: queue.queue, unseen: 'SensorFailed', message: known?.failure ?? 'not sampled yet' };
  }
  return loadOf(queue.queue, known, known.latest);
}

function loadOf(
  queue: string,
  { history, lineEmptyAtMs = -Infinity }: QueueKnowledge,
  { sample, atMs }: { sample: BacklogSample; atMs: Instant },
): WholeLoad {
  const headAge = headAgeMs(sample);
  const { rateLimit, globalConcurrency, orphaned, scheduledSoon = 0 } = sample;
  const dueBy = dueJobs(sample, history.horizonMs);
  // What a worker's own limit allows is known to that worker alone; but where its window runs, it has started a job.
  const limitedForMs = rateLimit === undefined ? sample.limitWindowMs : sample.rateLimitedForMs;
  return {
    queue,
    sampledAtMs: atMs,
    ready: readyJobs(sample),
    active: sample.active,
    dueSoon: sample.dueSoon + scheduledSoon,
    ...(dueBy && { dueBy }),
    ...(orphaned !== undefined && { orphaned }),
    paused: sample.paused,
    // No job has been in line since before the line was empty, whatever its producer's clock says.
    ...(headAge !== undefined && { headAgeMs: Math.min(headAge, atMs - lineEmptyAtMs) }),
    ...(rateLimit !== undefined && { rateLimitPerSecond: (rateLimit.max * 1_000) / rateLimit.durationMs }),
    ...(globalConcurrency !== undefined && { globalConcurrency }),
    ...(limitedForMs !== undefined && { limitedForMs }),
    // As of the sample, not as of now: a time without samples is not a time without jobs.
    estimates: estimateQueue(history, atMs),
  };
}
