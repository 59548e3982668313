import { slotsForWaitTarget } from './erlang.ts';
import type { QueueLoad } from './types.ts';

/** What a job is taken to last before any has finished. Wrong at first is harmless: the first finished jobs correct it. */
export const PRIOR_SERVICE_TIME_MS = 1_000;
/** latencyP95: one job in twenty may wait longer. */
const MISS_RATE = 0.05;
/** Beyond these, a measured variability says more about the measurement than about the jobs. */
const VARIABILITY_BOUNDS = { min: 0.5, max: 10 } as const;

/** Why a queue cannot use more slots, however much waits. */
export type SlotCap = 'Paused' | 'RateLimit' | 'GlobalConcurrency';

/** Slots (jobs at once) that one queue asks of one pool, by what asks for them. */
export interface QueueDemand {
  /** For the jobs that keep arriving. */
  readonly steady: number;
  /** To start what waits within the target. */
  readonly drain: number;
  /** Busy now. */
  readonly inService: number;
  /** What is asked for after the cap; fractional where work is shared. */
  readonly slots: number;
  readonly cap?: { readonly by: SlotCap; readonly slots: number };
  /** Ready jobs, and those due within a pod's start time, of this pool's share. */
  readonly backlog: number;
  readonly serviceTimeMs: number;
}

/**
 * The slots that `queue` asks of a pool: the largest of what the arrivals need, what the backlog needs on top of the offered
 * load, and what is busy now; then no more than the queue can use.
 */
export function queueDemand(queue: QueueLoad, waitTargetMs: number | undefined): QueueDemand {
  const { estimates, share } = queue;
  const serviceTimeMs = Math.max(1, estimates.serviceTimeMs ?? PRIOR_SERVICE_TIME_MS);
  const backlog = (queue.ready + queue.dueSoon) * share;
  const inService = queue.active * share;
  const arrivalRate = isIdle(queue) ? 0 : (estimates.arrivalRate ?? 0) * share;
  const flow = { serviceTimeMs, variability: variability(queue), waitTargetMs };
  const steady = Math.max(
    steadySlots(arrivalRate, flow),
    risingSlots((estimates.burstRate ?? 0) * share, backlog + inService, flow),
  );
  const drain = drainSlots({ backlog, arrivalRate, serviceTimeMs, waitTargetMs, memoryMs: estimates.arrivalMemoryMs });
  const atLeast = isIdle(queue) ? 0 : 1e-6; // One new job is worth a pod, although its demand rounds to nothing.
  const uncapped = Math.max(steady, drain, inService, atLeast);
  const cap = slotCap(queue, serviceTimeMs, inService);
  const bounded = cap !== undefined && cap.slots < uncapped;
  return {
    steady,
    drain,
    inService,
    slots: bounded ? cap.slots : uncapped,
    backlog,
    serviceTimeMs,
    ...(bounded && { cap }),
  };
}

/** Nothing waits, runs, is due within a pod's start time, or has come since the sample before. */
export function isIdle(queue: QueueLoad): boolean {
  return queue.ready + queue.active + queue.dueSoon + (queue.estimates.newArrivals ?? 0) === 0;
}

/** Allen and Cunneen's (ca² + cs²)/2; Poisson arrivals and exponential service times while unknown. */
function variability({ estimates }: QueueLoad): number {
  const value = ((estimates.arrivalScv ?? 1) + (estimates.serviceScv ?? 1)) / 2;
  return Math.min(VARIABILITY_BOUNDS.max, Math.max(VARIABILITY_BOUNDS.min, value));
}

interface Flow {
  readonly serviceTimeMs: number;
  readonly variability: number;
  readonly waitTargetMs: number | undefined;
}

/** Slots for a steady flow: Erlang C for the wait target; without one just the offered load (Little's law, L = λ·S). */
function steadySlots(ratePerSecond: number, { serviceTimeMs, variability: v, waitTargetMs }: Flow): number {
  const offeredLoad = (ratePerSecond * serviceTimeMs) / 1_000;
  if (waitTargetMs === undefined) return offeredLoad;
  return slotsForWaitTarget({ offeredLoad, serviceTimeMs, waitTargetMs, missRate: MISS_RATE, variability: v });
}

/**
 * Slots for a flow that has only just risen: as for a steady one, but no more than jobs that exist or will come within the
 * target, because of so young a rate more cannot be foretold.
 */
function risingSlots(ratePerSecond: number, jobs: number, flow: Flow): number {
  const soon = jobs + (ratePerSecond * (flow.waitTargetMs ?? flow.serviceTimeMs)) / 1_000;
  return Math.min(steadySlots(ratePerSecond, flow), soon);
}

interface Drain {
  readonly backlog: number;
  readonly arrivalRate: number;
  readonly serviceTimeMs: number;
  readonly waitTargetMs: number | undefined;
  readonly memoryMs: number | undefined;
}

/**
 * Slots to start the backlog within the target while jobs keep arriving.
 *
 * A slot starts jobs at 0, S, 2S, … so 1 + t/S of them within t: n jobs need n·S/(S + t) slots. (AWS' "backlog per instance",
 * n·S/t, is the limit for S ≪ t; for S ≫ t it would ask for more slots than jobs.) Arrivals that still wait are in the backlog
 * and are not counted again as flow: that is what lets a burst be answered by one change of size instead of two.
 */
function drainSlots({ backlog, arrivalRate, serviceTimeMs, waitTargetMs, memoryMs }: Drain): number {
  if (waitTargetMs === undefined) return 0;
  const averagedOverMs = Math.max(memoryMs ?? 0, serviceTimeMs + waitTargetMs);
  const startedRate = Math.max(0, arrivalRate - (backlog * 1_000) / averagedOverMs);
  return (startedRate * serviceTimeMs) / 1_000 + (backlog * serviceTimeMs) / (serviceTimeMs + waitTargetMs);
}

/**
 * The most slots that the queue can keep busy. A rate limit r starts r jobs a second, which are r·S at once (Little) and, as
 * starts come in bursts, about a square root more.
 */
function slotCap(queue: QueueLoad, serviceTimeMs: number, inService: number): QueueDemand['cap'] {
  if (queue.paused) return { by: 'Paused', slots: inService };
  const caps: { by: SlotCap; slots: number }[] = [];
  if (queue.rateLimitPerSecond !== undefined) {
    const busy = (queue.rateLimitPerSecond * serviceTimeMs) / 1_000;
    caps.push({ by: 'RateLimit', slots: Math.max(1, busy + Math.sqrt(busy)) * queue.share });
  }
  if (queue.globalConcurrency !== undefined) {
    caps.push({ by: 'GlobalConcurrency', slots: queue.globalConcurrency * queue.share });
  }
  return caps.toSorted((a, b) => a.slots - b.slots)[0];
}
