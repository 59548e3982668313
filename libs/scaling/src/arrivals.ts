import type { Instant, QueueEstimates } from './model/types.ts';
import { addRecent, findRise, type RecentArrivals } from './rise.ts';
import {
  addEvents,
  addValues,
  mean,
  memoryMs,
  NO_MOMENTS,
  perSecond,
  startRate,
  type DecayingMoments,
  type DecayingRate,
} from './statistics/decaying.ts';

const SUSTAINED_HALF_LIFE_MS = 30_000;
const LONGEST_HALF_LIFE_MS = 600_000;
/** Before this much time there is no dispersion. */
const LEAST_OBSERVED_MS = 10_000;
/** No arrival for 3/λ puts λ's 95 % upper bound at 3/silence (the rule of three). */
const RULE_OF_THREE = 3;
/** Arrivals per dispersion figure, and how many figures are averaged. */
const ARRIVALS_A_BATCH = 5;
const BATCH_HALF_LIFE = 20;
/** A dispersion below this cannot be distinguished from Poisson with so few figures. */
const POISSON_UP_TO = 1.5;

/** The counters of a queue from which its arrivals follow. */
export interface ArrivalCounts {
  /** BullMQ's `id`: jobs ever added. */
  readonly addCounter: number;
  /** Jobs added but not ready yet: delayed and not due, waiting for children. */
  readonly notYetReady: number;
}

export interface Arrivals {
  readonly atMs: Instant;
  readonly counts: ArrivalCounts;
  readonly sustained: DecayingRate;
  /** What came in the last seconds, so that a rise is detected early; newest last. */
  readonly recent: readonly RecentArrivals[];
  readonly lastArrivalMs: Instant;
  /** Of the last interval. Absent after the first sample. */
  readonly newArrivals?: number;
  /** Arrivals not yet judged for their dispersion, and those judged last. */
  readonly batch: RecentArrivals;
  readonly judged?: RecentArrivals;
  readonly dispersion: DecayingMoments;
}

/**
 * Follows a queue's arrivals by the change of its counters since the last sample: Δadded − Δ(not ready yet). So a
 * delayed job arrives when it falls due and a retry when its back-off ends; a deduplicated add counts although it
 * brought no job; see `jobsPerAdd`. A counter that went back (queue obliterated, Redis flushed) starts over.
 *
 * @param halfLifeMs of the sustained rate; see `arrivalHalfLifeMs`.
 */
export function observeArrivals(
  before: Arrivals | undefined,
  counts: ArrivalCounts,
  nowMs: Instant,
  halfLifeMs: number,
): Arrivals {
  const added = before && addedSince(before.counts, counts);
  if (before === undefined || added === undefined) return firstLook(counts, nowMs);
  if (nowMs <= before.atMs) return before;
  const sustained = addEvents(before.sustained, added, nowMs, halfLifeMs);
  const batch = { events: before.batch.events + added, elapsedMs: before.batch.elapsedMs + (nowMs - before.atMs) };
  const expected = (perSecond(before.sustained, LEAST_OBSERVED_MS) * batch.elapsedMs) / 1_000;
  const judged = expected >= ARRIVALS_A_BATCH && before.sustained.observedMs >= LEAST_OBSERVED_MS;
  return {
    atMs: nowMs,
    counts,
    sustained,
    recent: addRecent(before.recent, added, nowMs - before.atMs),
    lastArrivalMs: added > 0 ? nowMs : before.lastArrivalMs,
    newArrivals: added,
    batch: judged ? { events: 0, elapsedMs: 0 } : batch,
    dispersion: judged ? forgetAndAdd(before.dispersion, dispersionOf(before.judged, batch)) : before.dispersion,
    ...(judged ? { judged: batch } : before.judged && { judged: before.judged }),
  };
}

/** Jobs that became ready between two samples, by the counter of adds; undefined when the counter went back. */
function addedSince(before: ArrivalCounts, counts: ArrivalCounts): number | undefined {
  const added = counts.addCounter - before.addCounter;
  return added < 0 ? undefined : Math.max(0, added - (counts.notYetReady - before.notYetReady));
}

function firstLook(counts: ArrivalCounts, nowMs: Instant): Arrivals {
  return {
    atMs: nowMs,
    counts,
    sustained: startRate(nowMs),
    recent: [],
    lastArrivalMs: nowMs,
    batch: { events: 0, elapsedMs: 0 },
    dispersion: NO_MOMENTS,
  };
}

/**
 * How much two successive batches differ, as a multiple of what chance explains: 1 on average for Poisson arrivals.
 * Compared with each other and not with an average (von Neumann, "Distribution of the ratio of the mean square
 * successive difference to the variance", Annals of Mathematical Statistics 1941), so that a load which has changed
 * does not pass for one that varies.
 */
function dispersionOf(before: RecentArrivals | undefined, batch: RecentArrivals): number {
  if (before === undefined) return 1;
  const variance = before.events / before.elapsedMs ** 2 + batch.events / batch.elapsedMs ** 2;
  if (variance === 0) return 1;
  return (before.events / before.elapsedMs - batch.events / batch.elapsedMs) ** 2 / variance;
}

/** Weighs by number of figures instead of by time: `atMs` counts figures. */
function forgetAndAdd(dispersion: DecayingMoments, figure: number): DecayingMoments {
  return addValues(dispersion, [figure], dispersion.atMs + 1, BATCH_HALF_LIFE);
}

/**
 * The half-life for a queue's sustained rate: long against a job (a burst of n long jobs is not a flow of n/S per
 * second), and long enough that averaged arrivals and the drain of a backlog within the target weigh a burst alike.
 */
export function arrivalHalfLifeMs(serviceTimeMs: number, waitTargetMs: number): number {
  const wanted = Math.max(SUSTAINED_HALF_LIFE_MS, 2 * serviceTimeMs, (serviceTimeMs + waitTargetMs) * Math.LN2);
  return Math.min(LONGEST_HALF_LIFE_MS, wanted);
}

/**
 * The estimates of the arrivals now. Time before the first sample counts as silence, so that a burst into a young
 * history is no rate; a real flow shows in `rise` within seconds.
 *
 * @param perAdd the jobs that an add brought; see `jobsPerAdd`.
 */
export function estimateArrivals(
  arrivals: Arrivals | undefined,
  nowMs: Instant,
  halfLifeMs: number,
  perAdd: number,
): Pick<QueueEstimates, 'arrivalRate' | 'rise' | 'arrivalMemoryMs' | 'arrivalScv' | 'newArrivals'> {
  if (arrivals?.newArrivals === undefined) return {};
  const silenceMs = nowMs - arrivals.lastArrivalMs;
  const atMost = silenceMs > 0 ? (RULE_OF_THREE * 1_000) / silenceMs : Infinity;
  const { weight } = arrivals.dispersion;
  const scv = weight >= BATCH_HALF_LIFE / 2 ? mean(arrivals.dispersion) : 1;
  const arrivalRate = perSecond(arrivals.sustained, memoryMs(halfLifeMs));
  const rise = findRise(arrivals.recent, arrivalRate, scv);
  return {
    arrivalRate: Math.min(atMost, arrivalRate) * perAdd,
    ...(rise && { rise: { ...rise, ratePerSecond: Math.min(atMost, rise.ratePerSecond) * perAdd } }),
    arrivalMemoryMs: memoryMs(halfLifeMs),
    arrivalScv: scv <= POISSON_UP_TO ? 1 : scv,
    newArrivals: arrivals.newArrivals * perAdd,
  };
}
