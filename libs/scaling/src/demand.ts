import { slotsForWaitTarget } from './erlang.ts';
import { PRIOR_SERVICE_TIME_MS } from './flow.ts';
import { expectedJobs, expectedRate } from './forecast/expected.ts';
import type { QueueLoad } from './model/types.ts';

/** latencyP95: one job in twenty may wait longer. */
const MISS_RATE = 0.05;
/** Beyond these, a measured variability says more about the measurement than about the jobs. */
const VARIABILITY_BOUNDS = { min: 0.5, max: 10 } as const;
/**
 * Part of the wait target in which a line has to be worked off when pods have to start for it: the rest is theirs to
 * start.
 */
const DRAIN_SHARE = 0.5;
/** A head of the line that has waited for this part of the target shows that the estimates are wrong. */
const OLD_SHARE = 0.8;

/** A risen flow is expected to last this many times as long again as it has been observed. */
const FORESEEN = 2;
/** At least for the target, but for no more than about a pod's start: jobs added one after the other are no flow yet. */
const LEAST_FORESEEN_MS = 15_000;

/** Standard deviations by which more jobs may have run since a rise than run now. */
const RISE_DOUBTS = 3;

/** Why a queue cannot use more slots, however much waits. */
export type SlotCap = 'Paused' | 'RateLimit' | 'GlobalConcurrency' | 'SlotsFree';

/** Slots (jobs at once) that one queue asks of one pool, by what asks for them. */
export interface QueueDemand {
  /** For the jobs that keep arriving. */
  readonly steady: number;
  /** The part of it that would be enough if arrivals and jobs varied no more than by chance. */
  readonly lasting: number;
  /** To start what waits within the target. */
  readonly drain: number;
  /** For what is forecast to arrive within a pod's start time; 0 when that is no more than what is there. */
  readonly expected: number;
  /** For the jobs that run now and will not be done soon. */
  readonly longRunning: number;
  /** What is asked for without the jobs that will be done soon. */
  readonly remembered: number;
  /** Jobs that run now. */
  readonly inService: number;
  /** What is asked for after the cap; fractional where work is shared. */
  readonly slots: number;
  readonly cap?: { readonly by: SlotCap; readonly slots: number };
  /** Ready jobs, and those due soon that the steady slots cannot serve until then, of this pool's share. */
  readonly backlog: number;
  readonly serviceTimeMs: number;
}

/**
 * The slots that `queue` asks of a pool: the largest of what the arrivals need, what the backlog needs on top of the
 * offered load, and what will stay busy; then no more than the queue can use.
 *
 * @param ceiling the most slots that its workers are known to use; see `watchFreeSlots`.
 * @param slotsInMs how long it takes until more slots can work, beyond the start of a pod: pods wait for a node.
 */
export function queueDemand(
  queue: QueueLoad,
  waitTargetMs: number | undefined,
  { ceiling, slotsInMs = 0 }: { ceiling?: number | undefined; slotsInMs?: number } = {},
): QueueDemand {
  const { estimates, share } = queue;
  const serviceTimeMs = Math.max(1, estimates.serviceTimeMs ?? PRIOR_SERVICE_TIME_MS);
  const { orphaned = 0 } = queue; // They run nowhere: a worker has to take them up again.
  const waiting = (queue.ready + orphaned) * share;
  const inService = (queue.active - orphaned) * share;
  const arrivalRate = isIdle(queue) ? 0 : (estimates.arrivalRate ?? 0) * share;
  const risenRate = Math.min(estimates.rise?.ratePerSecond ?? 0, mostRisen(queue, serviceTimeMs)) * share;
  const flow = { serviceTimeMs, variability: variability(queue), waitTargetMs };
  const jobs = waiting + queue.dueSoon * share + inService;
  const steady = Math.max(
    Math.min(steadySlots(arrivalRate, flow), mostJustified(queue, jobs)),
    risingSlots(risenRate, jobs, flow, estimates.rise?.lastedMs),
  );
  const backlog = waiting + unservedWhenDue(queue, steady, serviceTimeMs);
  const comesBefore = Math.max(0, (arrivalRate * slotsInMs) / 1_000 - (inService * slotsInMs) / serviceTimeMs);
  const line = {
    backlog: backlog > 0 ? backlog + comesBefore : 0,
    inService,
    headAgeMs: queue.headAgeMs ?? 0,
    arrivalRate,
    risenRate,
    risenMs: estimates.rise?.lastedMs ?? 0,
    serviceTimeMs,
  };
  const drain = waitTargetMs === undefined ? 0 : drainSlots(line, waitTargetMs, estimates.arrivalMemoryMs);
  const jobsToCome = expectedAtOnce(queue, serviceTimeMs, waitTargetMs);
  const expected = Math.max(
    risingSlots(expectedRate(queue, arrivalRate, waitTargetMs), backlog + inService, flow),
    waitTargetMs === undefined || jobsToCome <= backlog
      ? 0
      : drainSlots({ ...line, backlog: jobsToCome }, waitTargetMs, estimates.arrivalMemoryMs),
  );
  const longRunning = longRunningSlots(inService, serviceTimeMs, waitTargetMs);
  const atLeast = isIdle(queue) ? 0 : 1e-6; // One new job is worth a pod, although its demand rounds to nothing.
  const uncapped = Math.max(steady, drain, inService, atLeast, expected);
  const cap = slotCap(queue, { serviceTimeMs, inService, ceiling });
  const bounded = cap !== undefined && cap.slots < uncapped;
  return {
    steady,
    remembered: Math.min(Math.max(steady, drain, longRunning, atLeast, expected), bounded ? cap.slots : Infinity),
    lasting: Math.min(steadySlots(arrivalRate, { ...flow, variability: 1 }), cap?.slots ?? Infinity),
    drain,
    expected,
    longRunning,
    inService,
    slots: bounded ? cap.slots : uncapped,
    backlog,
    serviceTimeMs,
    ...(bounded && { cap }),
  };
}

/**
 * Jobs due soon that will be a line: those that the steady slots have not served by then. A flow of delayed jobs is in the
 * arrival rate like any other, so that what is due of it is no work beyond it.
 */
function unservedWhenDue(
  { dueSoon, dueBy, share, estimates: { announcedCame = [] } }: QueueLoad,
  steady: number,
  serviceTimeMs: number,
): number {
  const profile = dueBy ?? [{ withinMs: 0, jobs: dueSoon }];
  return profile.reduce((most, { withinMs, jobs }, at) => {
    const comes = jobs * (announcedCame[at] ?? 1) * share;
    return Math.max(most, comes - (steady * withinMs) / serviceTimeMs);
  }, 0);
}

/**
 * Jobs of an expected burst that are a line, as if they came at once: of those that come one after the other as many as
 * come while one runs and may wait, so that it has the slots of its flow.
 */
function expectedAtOnce(queue: QueueLoad, serviceTimeMs: number, waitTargetMs = 0): number {
  const { lastsMs = 0 } = queue.estimates.expectedBurst ?? {};
  return expectedJobs(queue) * Math.min(1, (serviceTimeMs + DRAIN_SHARE * waitTargetMs) / Math.max(1, lastsMs));
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

/**
 * The most slots that any arrival rate may ask for in a single step: one for each job that exists, and one for each
 * that came in the time over which the rate is averaged. So a service time that is measured wrong, by a clock that
 * jumped or by one job that ran for a day, cannot order pods for jobs that do not exist.
 */
function mostJustified(
  { share, estimates: { arrivalRate = 0, arrivalMemoryMs = Infinity } }: QueueLoad,
  jobs: number,
): number {
  return arrivalRate === 0 ? jobs : jobs + (arrivalRate * share * arrivalMemoryMs) / 1_000;
}

/**
 * The most jobs per second that a rise can have brought: what has come since it began waits, runs, or has finished on the
 * slots that are busy. So adds that deduplication refuses are none, also before their share shows in the average.
 */
function mostRisen({ ready, active, estimates: { rise } }: QueueLoad, serviceTimeMs: number): number {
  if (rise === undefined) return 0;
  const busy = active + RISE_DOUBTS * Math.sqrt(active + 1);
  return ((ready + busy) * 1_000) / rise.lastedMs + (busy * 1_000) / serviceTimeMs;
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
 * Slots for a flow that has only just risen: as for a steady one, but no more than the jobs that exist and those that
 * come in the time for which it can be forecast. What has lasted for a time is expected to last twice as long again
 * (Gott, "Implications of the Copernican principle for our future prospects", Nature 1993, whose median is once), and
 * is assessed again when that time has doubled. So jobs that are long against the target get slots in a few steps, each
 * twice the one before, not one by one or all at once.
 */
function risingSlots(ratePerSecond: number, jobs: number, flow: Flow, lastedMs = 0): number {
  const foreseenMs = foreseenFor(lastedMs, flow.waitTargetMs ?? flow.serviceTimeMs);
  return Math.min(steadySlots(ratePerSecond, flow), jobs + (ratePerSecond * foreseenMs) / 1_000);
}

/** The time for which a flow that has lasted so long can be forecast. */
function foreseenFor(lastedMs: number, targetMs: number): number {
  const doubledMs = 2 ** Math.floor(Math.log2(Math.max(1, lastedMs)));
  return Math.max(Math.min(targetMs, LEAST_FORESEEN_MS), (1 + FORESEEN) * doubledMs - lastedMs);
}

interface WaitingLine {
  readonly backlog: number;
  readonly inService: number;
  readonly headAgeMs: number;
  readonly arrivalRate: number;
  /** The arrival rate since a proven rise, 0 without one, and how long it has lasted. */
  readonly risenRate: number;
  readonly risenMs: number;
  readonly serviceTimeMs: number;
}

/**
 * Slots for a line that the busy slots will not work off in time; 0 for any other, for arrivals are not answered twice.
 * More pods are needed then, which take their time to start; so only part of the target is left to start what waits and
 * what comes until then.
 *
 * A slot starts jobs at 0, S, 2S, … so 1 + t/S of them within t, less the one it may be busy with: n waiting and b busy
 * ones need (n + b)·S/(S + t) slots. (AWS' "backlog per instance", n·S/t, is the limit for S ≪ t; for S ≫ t it would
 * ask for more slots than jobs.) Of the arrival rate, what still waits is in the backlog and is not counted again as
 * flow: that is what lets a burst be answered by one change of size instead of two. A proven rise is a flow, not a
 * burst: it counts for as long as it can be forecast.
 *
 * Where the head of the line is old nevertheless, the estimates are wrong: then the slots are the busy ones, raised in
 * proportion.
 */
function drainSlots(line: WaitingLine, waitTargetMs: number, memoryMs: number | undefined): number {
  const { backlog, inService, headAgeMs, arrivalRate, risenRate, risenMs, serviceTimeMs } = line;
  if (backlog === 0) return 0;
  const budgetMs = DRAIN_SHARE * waitTargetMs;
  const oldMs = OLD_SHARE * waitTargetMs;
  const expectedWaitMs = (backlog * serviceTimeMs) / Math.max(1, inService);
  const lateness = headAgeMs > oldMs ? 1 : Math.min(1, Math.max(0, expectedWaitMs / budgetMs - 1));
  const averagedOverMs = Math.max(memoryMs ?? 0, serviceTimeMs + waitTargetMs);
  const flowing = ((arrivalRate - (backlog * 1_000) / averagedOverMs) * budgetMs) / 1_000;
  const risen = (risenRate * Math.min(budgetMs, foreseenFor(risenMs, waitTargetMs))) / 1_000;
  const jobs = backlog + inService + lateness * Math.max(risen, flowing);
  const byAge = headAgeMs > oldMs ? (inService * headAgeMs) / oldMs : 0;
  return Math.max((jobs * serviceTimeMs) / (serviceTimeMs + budgetMs), Math.min(backlog + inService, byAge));
}

/**
 * Slots for the jobs that run: all of them where jobs are long, few where they are done before a pod could start. A pod
 * that is let go drains, so no job loses its slot; but slots that would have to be started again are not given away.
 */
function longRunningSlots(inService: number, serviceTimeMs: number, waitTargetMs: number | undefined): number {
  return (inService * serviceTimeMs) / (serviceTimeMs + (waitTargetMs ?? 0));
}

/**
 * The most slots that the queue can keep busy. A rate limit r starts r jobs per second, which are r·S at once (Little)
 * and, as starts come in bursts, about a square root more.
 */
function slotCap(
  queue: QueueLoad,
  { serviceTimeMs, inService, ceiling }: { serviceTimeMs: number; inService: number; ceiling: number | undefined },
): QueueDemand['cap'] {
  if (queue.paused) return { by: 'Paused', slots: inService };
  const caps: { by: SlotCap; slots: number }[] = [];
  if (queue.rateLimitPerSecond !== undefined) {
    const busy = (queue.rateLimitPerSecond * serviceTimeMs) / 1_000;
    caps.push({ by: 'RateLimit', slots: Math.max(1, busy + Math.sqrt(busy)) * queue.share });
  }
  if (queue.globalConcurrency !== undefined) {
    caps.push({ by: 'GlobalConcurrency', slots: queue.globalConcurrency * queue.share });
  }
  // What is busy has shown that it can be used.
  if (ceiling !== undefined) caps.push({ by: 'SlotsFree', slots: Math.max(ceiling, inService) });
  return caps.toSorted((a, b) => a.slots - b.slots)[0];
}
