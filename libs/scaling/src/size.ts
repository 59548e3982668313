import { queueDemand, type QueueDemand } from './demand.ts';
import { isSeen, type PolicyState, type PoolSpecView, type QueueLoad, type QueueObservation } from './model/types.ts';

/** What asks for most of a pool's size. */
export type Driver = 'idle' | 'drain' | 'steady' | 'inService' | 'expected' | 'depth';

export interface SizedQueue {
  readonly load: QueueLoad;
  readonly demand: QueueDemand;
  /** Replicas that this queue alone asks for, fractional. */
  readonly replicas: number;
}

export interface PoolSize {
  /**
   * Replicas asked for before bounds and behaviour; fractional, so that rounding cannot hide what tolerance compares.
   */
  readonly demand: number;
  /** The part of the demand that the scale-down window remembers: all but the jobs that will be done soon. */
  readonly remembered: number;
  /**
   * The part of the demand that arrivals ask for beyond the jobs that wait or run: what is left when a burst is over.
   */
  readonly lasting: number;
  /**
   * The share by which the demand may be wrong by chance alone: the relative standard deviation of the arrival rate.
   */
  readonly doubt: number;
  /** Mean over the jobs that wait or run. */
  readonly serviceTimeMs: number;
  readonly driver: Driver;
  readonly queues: readonly SizedQueue[];
}

/** What else a size depends on. */
export interface SizedFor {
  readonly failingPods?: number | undefined;
  readonly freeSlots?: PolicyState['freeSlots'];
  /** How long it takes until more slots can work, beyond the start of a pod. */
  readonly slotsInMs?: number;
}

/**
 * The replicas that a pool's queues ask for together: slots are summed over the queues, because every slot serves any
 * of them, and divided by the slots of a pod; the depth target is a lower bound. Queues that were not sampled add
 * nothing here; `holds` ensures that they do not shrink the pool. Pods that cannot work come on top.
 */
export function sizePool(
  pool: PoolSpecView,
  observations: readonly QueueObservation[],
  { failingPods = 0, freeSlots = {}, slotsInMs = 0 }: SizedFor = {},
): PoolSize {
  const queues = observations.filter(isSeen).map((load): SizedQueue => {
    const demand = queueDemand(load, pool.waitTargetMs, {
      ceiling: freeSlots[load.queue]?.ceiling?.slots,
      slotsInMs,
    });
    return { load, demand, replicas: Math.max(demand.slots / pool.concurrency, depthReplicas(pool, demand)) };
  });
  const slots = sum(queues, ({ demand }) => demand.slots);
  const bySlots = slots / pool.concurrency;
  const byDepth = sum(queues, ({ demand }) => depthReplicas(pool, demand));
  if (Math.max(bySlots, byDepth) === 0)
    return { demand: 0, remembered: 0, lasting: 0, doubt: 0, serviceTimeMs: 0, driver: 'idle', queues };
  return {
    demand: Math.max(bySlots, byDepth) + failingPods,
    remembered: Math.max(sum(queues, ({ demand }) => demand.remembered) / pool.concurrency, byDepth) + failingPods,
    lasting: sum(queues, ({ demand }) => demand.lasting) / pool.concurrency + failingPods,
    doubt: arrivalDoubt(queues),
    serviceTimeMs: meanServiceTime(queues),
    driver: byDepth > bySlots ? 'depth' : slotDriver(queues, pool.waitTargetMs ?? Infinity),
    queues,
  };
}

/** An exponential average over τ of a Poisson rate λ has the standard deviation √(λ/2τ), a count n that of √n. */
function arrivalDoubt(queues: readonly SizedQueue[]): number {
  const jobsSeen = sum(queues, ({ load: { estimates } }) => {
    const { arrivalRate = 0, arrivalMemoryMs = 0, rise } = estimates;
    return (rise === undefined ? 2 * arrivalRate * arrivalMemoryMs : rise.ratePerSecond * rise.lastedMs) / 1_000;
  });
  return jobsSeen > 0 ? 1 / Math.sqrt(jobsSeen) : Infinity;
}

function meanServiceTime(queues: readonly SizedQueue[]): number {
  const jobs = ({ demand }: SizedQueue): number => demand.backlog + demand.inService + 1e-6;
  return sum(queues, (queue) => jobs(queue) * queue.demand.serviceTimeMs) / sum(queues, jobs);
}

/** Replicas by the depth target, no more than the queue can keep busy. */
function depthReplicas({ queueDepthTarget, concurrency }: PoolSpecView, { backlog, cap }: QueueDemand): number {
  if (queueDepthTarget === undefined) return 0;
  return Math.min(backlog / queueDepthTarget, cap === undefined ? Infinity : cap.slots / concurrency);
}

function slotDriver(queues: readonly SizedQueue[], waitTargetMs: number): Driver {
  const totals: [Driver, number][] = [
    ['drain', sum(queues, ({ demand }) => demand.drain)],
    ['steady', sum(queues, ({ demand }) => demand.steady)],
    ['inService', sum(queues, ({ demand }) => demand.longRunning)],
    ['expected', sum(queues, ({ demand }) => demand.expected)],
  ];
  const [largest] = totals.reduce((most, entry) => (entry[1] > most[1] ? entry : most));
  // More waits than a steady flow would leave waiting: then the reason names the backlog.
  const usual = sum(queues, ({ load }) => ((load.estimates.arrivalRate ?? 0) * load.share * waitTargetMs) / 1_000);
  return largest === 'steady' && sum(queues, ({ demand }) => demand.backlog) > usual ? 'drain' : largest;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
