import type { WorkerPoolStatus } from '@redis-queue/api';
import { headAgeMs, readyJobs, type FinishedSample, type QueueSample } from '@redis-queue/bullmq';
import {
  emptyHistory,
  estimateQueue,
  observeQueue,
  type Instant,
  type PoolObservation,
  type QueueHistory,
  type QueueLoad,
  type QueueObservation,
} from '@redis-queue/scaling';
import type { PoolQueue, ScaledPool } from './topology.ts';

/** What is known of one watched queue. */
export interface QueueKnowledge {
  readonly history: QueueHistory;
  /** The newest look; kept through failures for its age to tell. */
  readonly latest?: { readonly sample: QueueSample; readonly atMs: Instant };
  /** Why the last look failed, if it did; without secrets. */
  readonly failure?: string;
  /** Read since the last look, not yet in the history. */
  readonly finished?: FinishedSample;
}

export function knowNothing(nowMs: Instant, waitTargetMs: number): QueueKnowledge {
  return { history: emptyHistory(nowMs, waitTargetMs) };
}

/** Takes a look at the queue into what is known of it. */
export function learnSample({ history, finished }: QueueKnowledge, sample: QueueSample, atMs: Instant): QueueKnowledge {
  const counters = {
    atMs,
    ready: readyJobs(sample),
    active: sample.active,
    notYetReady: sample.delayed - sample.overdue + sample.waitingChildren,
    ...(sample.addCounter !== undefined && { addCounter: sample.addCounter }),
  };
  return { history: observeQueue(history, counters, finished), latest: { sample, atMs } };
}

export function learnFailure(known: QueueKnowledge, failure: string): QueueKnowledge {
  return { ...known, failure };
}

/** Pods that are asked for and cannot work, as the workerpool controller counts them. */
export type BlockedReplicas = NonNullable<WorkerPoolStatus['blockedReplicas']>;

/** What the pool's status says of its pods. */
export interface PoolPods {
  /** The Deployment's spec.replicas. */
  readonly replicas: number;
  readonly blocked?: BlockedReplicas;
}

/** What the policy is to see of a pool now. */
export function observePool(
  pool: ScaledPool,
  { replicas, blocked = {} }: PoolPods,
  knowledge: (id: string) => QueueKnowledge | undefined,
  nowMs: Instant,
): PoolObservation {
  const { rejected = 0, unschedulable = 0, crashLooping = 0, imageFailing = 0 } = blocked;
  return {
    currentReplicas: replicas,
    queues: pool.queues.map((queue) => observation(queue, knowledge, nowMs)),
    quotaExhausted: rejected > 0,
    unschedulablePods: unschedulable,
    podsFailing: crashLooping + imageFailing > 0,
  };
}

function observation(
  queue: PoolQueue,
  knowledge: (id: string) => QueueKnowledge | undefined,
  nowMs: Instant,
): QueueObservation {
  if ('unseen' in queue) return queue;
  const known = knowledge(queue.id);
  if (known?.failure !== undefined || known?.latest === undefined) {
    return { queue: queue.queue, unseen: 'SensorFailed', message: known?.failure ?? 'not looked at yet' };
  }
  return loadOf(queue, known.history, known.latest, nowMs);
}

function loadOf(
  { queue, share }: { queue: string; share: number },
  history: QueueHistory,
  { sample, atMs }: { sample: QueueSample; atMs: Instant },
  nowMs: Instant,
): QueueLoad {
  const headAge = headAgeMs(sample);
  const { rateLimit, globalConcurrency } = sample;
  return {
    queue,
    share,
    sampledAtMs: atMs,
    ready: readyJobs(sample),
    active: sample.active,
    dueSoon: sample.dueSoon,
    paused: sample.paused,
    ...(headAge !== undefined && { headAgeMs: headAge }),
    ...(rateLimit !== undefined && { rateLimitPerSecond: (rateLimit.max * 1_000) / rateLimit.durationMs }),
    ...(globalConcurrency !== undefined && { globalConcurrency }),
    estimates: estimateQueue(history, nowMs),
  };
}

/** Whether it is worth reading what has finished: something ran, or may have run, since the last look. */
export function mayHaveFinished(before: QueueSample | undefined, now: QueueSample): boolean {
  return (
    now.active > 0 ||
    before === undefined ||
    before.active > 0 ||
    before.completed !== now.completed ||
    before.failed !== now.failed ||
    before.addCounter !== now.addCounter
  );
}
