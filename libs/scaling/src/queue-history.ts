import { arrivalHalfLifeMs, estimateArrivals, observeArrivals, type Arrivals } from './arrivals.ts';
import { estimateFinished, noneFinished, observeFinished, type Finished, type FinishedJobs } from './finished-jobs.ts';
import { estimateFlow, observeFlow, PRIOR_SERVICE_TIME_MS, type Flow } from './flow.ts';
import type { Instant, QueueEstimates } from './types.ts';

/** Finished jobs from which on their mean is taken for the jobs' mean. */
const FINISHED_JOBS_TO_TRUST = 20;

/** One look at a queue's counters. */
export interface QueueCounters {
  readonly atMs: Instant;
  readonly ready: number;
  readonly active: number;
  /** Delayed jobs that are not due, and jobs that wait for children. */
  readonly notYetReady: number;
  /** Absent: the queue has never had a job. */
  readonly addCounter?: number;
}

/** All that is remembered of a queue; of bounded size. Lost on a restart, without harm: see decide's holds. */
export interface QueueHistory {
  readonly arrivals?: Arrivals;
  readonly flow?: Flow;
  readonly finished: Finished;
  /** The shortest wait target of the pools on this queue: it sets how long arrivals are averaged. */
  readonly waitTargetMs: number;
}

export function emptyHistory(nowMs: Instant, waitTargetMs: number): QueueHistory {
  return { finished: noneFinished(nowMs), waitTargetMs };
}

/** `history` with one more look, and with what has finished since the look before when that was read too. */
export function observeQueue(
  history: QueueHistory,
  counters: QueueCounters,
  jobs: FinishedJobs | undefined,
): QueueHistory {
  const { atMs, ready, active, notYetReady, addCounter = 0 } = counters;
  const arrivals = observeArrivals(history.arrivals, { addCounter, notYetReady }, atMs, halfLifeOf(history));
  return {
    ...history,
    arrivals,
    flow: observeFlow(history.flow, ready, active, arrivals.newArrivals, atMs),
    finished: jobs === undefined ? history.finished : observeFinished(history.finished, jobs, atMs),
  };
}

/** What the history says at `nowMs`. */
export function estimateQueue(history: QueueHistory, nowMs: Instant): QueueEstimates {
  const finished = estimateFinished(history.finished, nowMs);
  return {
    ...finished,
    ...serviceTime(history, finished),
    ...estimateArrivals(history.arrivals, nowMs, halfLifeOf(history)),
  };
}

function halfLifeOf(history: QueueHistory): number {
  const { serviceTimeMs = PRIOR_SERVICE_TIME_MS } = serviceTime(history, serviceTimeOf(history.finished));
  return arrivalHalfLifeMs(serviceTimeMs, history.waitTargetMs);
}

/** Few finished jobs are the short ones: until there are enough, what runs may say that jobs are longer. */
function serviceTime(
  { flow, finished }: QueueHistory,
  mean: Pick<QueueEstimates, 'serviceTimeMs' | 'serviceTimeSource'>,
): Pick<QueueEstimates, 'serviceTimeMs' | 'serviceTimeSource'> {
  const byFlow = estimateFlow(flow);
  const young = finished.service.weight < FINISHED_JOBS_TO_TRUST;
  const longer = (byFlow.serviceTimeMs ?? 0) > (mean.serviceTimeMs ?? 0);
  return mean.serviceTimeMs === undefined || (young && longer) ? byFlow : mean;
}

function serviceTimeOf({ service }: Finished): { serviceTimeMs?: number } {
  return service.weight > 0 ? { serviceTimeMs: service.sum / service.weight } : {};
}
