import { isIdle, type QueueDemand } from './demand.ts';
import {
  isSeen,
  type Hold,
  type Instant,
  type PolicyState,
  type PoolObservation,
  type PoolSpecView,
  type QueueLoad,
  type QueueObservation,
  type UnseenQueue,
} from './model/types.ts';

/** A sample older than this is no evidence that work is gone. */
export const STALE_AFTER_MS = 15_000;
/** No pool shrinks on less than this much gap-free history, also when its window is shorter. */
export const MIN_HISTORY_MS = 10_000;
/** Below this confidence a pool does not shrink. */
const LOW_CONFIDENCE = 0.4;
/** More failures than this among finished jobs, and more pods would only fail faster. */
const FAILING_RATE = 0.5;
/** Fewer finished jobs say nothing about a rate. */
const MIN_FINISHED_FOR_RATE = 20;
/** More of the pods than this cannot work, and more pods would not either. */
const FAILING_PODS = 0.5;
/** The autoscaler's default for a node's start time. */
export const DEFAULT_NODE_START_MS = 300_000;
/** Part of the wait target after which a job in line is getting late: the rest is for a pod to start. */
const LATE_SHARE = 0.5;
/** A job may run this many times as long as the mean, or as the longest of those that finished lately. */
const LONGER_THAN_MEAN = 4;
const LONGER_THAN_LONGEST = 1.25;

/** What a queue asks for, where it is capped: however long its jobs wait, pods do not help. */
export interface Asked {
  readonly load: QueueLoad;
  readonly demand: Pick<QueueDemand, 'cap' | 'inService' | 'serviceTimeMs'>;
}

/** Why the pool may not shrink now, from the strongest reason to the weakest; undefined when it may. */
export function shrinkHold(
  pool: PoolSpecView,
  observation: PoolObservation,
  { asked, confidence }: { asked: readonly Asked[]; confidence: number },
  state: PolicyState,
  nowMs: Instant,
): Hold | undefined {
  const { queues } = observation;
  const unseen = unseenHold(queues);
  if (unseen === 'SensorFailed') return unseen;
  if (queues.some((queue) => isStale(queue, nowMs))) return 'StaleData';
  if (unseen !== undefined) return unseen;
  if (nowMs - state.sinceMs < historyNeededMs(pool)) return 'NoHistory';
  if (confidence < LOW_CONFIDENCE) return 'LowConfidence';
  const helped = asked.filter(({ demand }) => demand.cap === undefined);
  if (helped.some(({ load }) => isOverTarget(load, pool.waitTargetMs))) return 'WaitOverTarget';
  return undefined;
}

/**
 * The fewest pods that keep what runs from being thrown away: where jobs may outlast the drain, all that run some; 0
 * elsewhere. All of them while it is not known which do.
 */
export function fewestForLongJobs(
  pool: PoolSpecView,
  { busyPods, currentReplicas }: PoolObservation,
  asked: readonly Asked[],
): number {
  return asked.some((queue) => mayOutlastDrain(pool, queue)) ? Math.min(currentReplicas, busyPods ?? Infinity) : 0;
}

function mayOutlastDrain({ maxDrainMs }: PoolSpecView, { load: { estimates }, demand }: Asked): boolean {
  if (demand.inService === 0) return false;
  const { serviceTimeMs = 0, longestServiceMs = 0 } = estimates;
  return Math.max(LONGER_THAN_MEAN * serviceTimeMs, LONGER_THAN_LONGEST * longestServiceMs) > maxDrainMs;
}

/**
 * Why it is not known what the pool needs: one of its queues cannot be seen. An old sample is no reason here, since the
 * queues of a pool at zero are seldom sampled while they are idle.
 */
export function unseenHold(queues: readonly QueueObservation[]): UnseenQueue['unseen'] | undefined {
  const unseen = queues.filter((queue): queue is UnseenQueue => !isSeen(queue));
  if (unseen.some((queue) => queue.unseen === 'SensorFailed')) return 'SensorFailed';
  return unseen[0]?.unseen;
}

/**
 * Why the pool may not grow now, beyond the first pod; undefined when it may. A pod for which there is no room is what a
 * node autoscaler waits for, and a pod among many that crashes says nothing of the next one.
 */
export function growHold(
  observation: PoolObservation,
  { unschedulable }: PolicyState,
  nowMs: Instant,
): Hold | undefined {
  const { currentReplicas, queues, quotaExhausted, failingPods = 0, redisSaturated } = observation;
  const { nodeStartMs = DEFAULT_NODE_START_MS } = observation;
  if (quotaExhausted) return 'QuotaExhausted';
  if (unschedulable !== undefined && nowMs - unschedulable.sinceMs >= nodeStartMs) return 'Unschedulable';
  if (failingPods > FAILING_PODS * currentReplicas) return 'PodsFailing';
  if (redisSaturated) return 'RedisSaturated';
  return mostlyFailing(queues) ? 'JobsFailing' : undefined;
}

/** Whether the hold is due to missing data, and not to what was measured. */
export function isMissingData(hold: Hold | undefined): boolean {
  return hold === 'SensorFailed' || hold === 'StaleData' || hold === 'QueueMissing';
}

/** How long proposals must have been complete before the pool may shrink. */
export function historyNeededMs(pool: PoolSpecView): number {
  return Math.max(pool.scaleDown.stabilizationWindowMs, MIN_HISTORY_MS);
}

/**
 * How much of what the size rests on was measured, 0..1: the mean over the queues of 0 for unseen or stale, 1 for an
 * idle queue (an empty queue is known exactly), otherwise by where the service time comes from.
 */
export function confidenceOf(queues: readonly QueueObservation[], nowMs: Instant): number {
  if (queues.length === 0) return 0;
  const total = queues.reduce((sum, queue) => sum + queueConfidence(queue, nowMs), 0);
  return total / queues.length;
}

function queueConfidence(queue: QueueObservation, nowMs: Instant): number {
  if (!isSeen(queue) || isStale(queue, nowMs)) return 0;
  if (isIdle(queue) || queue.estimates.serviceTimeSource === 'finished') return 1;
  if (queue.estimates.serviceTimeSource === 'flow') return 0.8;
  // How long the jobs take is a guess; of a paused queue it does not matter.
  return queue.paused ? 0.5 : 0.3;
}

function isStale(queue: QueueObservation, nowMs: Instant): boolean {
  return isSeen(queue) && nowMs - queue.sampledAtMs > STALE_AFTER_MS;
}

/** Jobs wait, and longer than they should. */
function isOverTarget(queue: QueueLoad, waitTargetMs: number | undefined): boolean {
  return waitTargetMs !== undefined && waitOf(queue) > waitTargetMs;
}

/** The job next in line has waited for half of the target, and no busy slot is likely to be free in the other half. */
export function isGettingLate({ load, demand }: Asked, waitTargetMs: number | undefined): boolean {
  if (waitTargetMs === undefined || demand.cap !== undefined || load.ready === 0) return false;
  const nextFreeMs = demand.serviceTimeMs / Math.max(1, demand.inService);
  return (load.headAgeMs ?? 0) > LATE_SHARE * waitTargetMs && nextFreeMs > (1 - LATE_SHARE) * waitTargetMs;
}

/**
 * How long jobs wait, ms: max(p95 of finished jobs' waits, age of the head of the line); 0 while none waits or none may
 * start.
 */
export function waitOf({ ready, paused, headAgeMs = 0, estimates }: QueueLoad): number {
  return ready === 0 || paused ? 0 : Math.max(estimates.waitMs?.p95 ?? 0, headAgeMs);
}

/** Jobs of all queues that finished lately, and those of them that failed. */
export function finishedJobs(queues: readonly QueueObservation[]): { finished: number; failed: number } {
  const seen = queues.filter(isSeen).map(({ estimates }) => estimates);
  return {
    finished: seen.reduce((sum, each) => sum + (each.finishedJobs ?? 0), 0),
    failed: seen.reduce((sum, each) => sum + (each.finishedJobs ?? 0) * (each.errorRate ?? 0), 0),
  };
}

/** Whether enough jobs have finished to judge, and most of them failed. */
export function mostlyFailing(queues: readonly QueueObservation[]): boolean {
  const { finished, failed } = finishedJobs(queues);
  return finished >= MIN_FINISHED_FOR_RATE && failed / finished > FAILING_RATE;
}
