import { arrivalHalfLifeMs, estimateArrivals, observeArrivals, type Arrivals } from './arrivals.ts';
import { observeAnnounced, sharesThatCame, type Announced } from './announced.ts';
import { observeBrought, jobsPerAdd, type Brought } from './brought.ts';
import {
  estimateFinished,
  meanServiceTime,
  noneFinished,
  observeFinished,
  type Finished,
  type FinishedJobs,
} from './finished-jobs.ts';
import { estimateFlow, observeFlow, PRIOR_SERVICE_TIME_MS, type Flow } from './flow.ts';
import {
  averageRate,
  changeHorizon,
  estimateForecast,
  observeForecast,
  type ForecastState,
} from './forecast/forecast.ts';
import { NO_RECURRENCE, nextBurst, observeRecurrence, type Recurrence } from './forecast/recurrence.ts';
import type { DueJobs, Instant, QueueEstimates } from './model/types.ts';

/** How many finished jobs it takes for their mean to count as the mean of the jobs. */
const FINISHED_JOBS_TO_TRUST = 20;

/** One sample of a queue's counters. */
export interface QueueCounters {
  readonly atMs: Instant;
  readonly ready: number;
  readonly active: number;
  /** Delayed jobs that are not due, and jobs that wait for children. */
  readonly notYetReady: number;
  /** Absent: the queue has never had a job. */
  readonly addCounter?: number;
  /** Delayed jobs that are due soon, by when; absent: none. */
  readonly dueBy?: readonly DueJobs[];
}

/** The first and the newest sample. */
interface Silence {
  readonly sinceMs: Instant;
  readonly untilMs: Instant;
}

/** All that is remembered of a queue; of bounded size. Lost on a restart, without harm: see decide's holds. */
export interface QueueHistory {
  readonly arrivals?: Arrivals;
  readonly brought?: Brought | undefined;
  readonly announced?: Announced | undefined;
  readonly flow?: Flow;
  /**
   * Instead of arrivals and flow, while every sample found a queue that never had a job: there may be thousands of
   * those.
   */
  readonly silence?: Silence;
  readonly finished: Finished;
  /** The shortest wait target of the pools on this queue: it sets how long arrivals are averaged. */
  readonly waitTargetMs: number;
  readonly forecast?: ForecastState;
  readonly recurrence: Recurrence;
  /** How far ahead arrivals are forecast: a pod's start time. */
  readonly horizonMs: number;
}

/** The autoscaler's default for a pod's start time. */
const DEFAULT_HORIZON_MS = 10_000;

export function emptyHistory(nowMs: Instant, waitTargetMs: number, horizonMs = DEFAULT_HORIZON_MS): QueueHistory {
  return { finished: noneFinished(nowMs), waitTargetMs, horizonMs, recurrence: NO_RECURRENCE };
}

/** `history`, with arrivals forecast so far ahead from now on. */
export function withHorizon(history: QueueHistory, horizonMs: number): QueueHistory {
  if (history.horizonMs === horizonMs) return history;
  const { forecast } = history;
  return {
    ...history,
    horizonMs,
    ...(forecast && { forecast: changeHorizon(forecast, history.horizonMs, horizonMs) }),
  };
}

/** `history` with one more sample, and with what has finished since the sample before if that was read too. */
export function observeQueue(
  before: QueueHistory,
  counters: QueueCounters,
  jobs: FinishedJobs | undefined,
): QueueHistory {
  if (jobs === undefined && before.arrivals === undefined && neverHadJobs(counters))
    return stillSilent(before, counters);
  const history = sinceTheSilence(before);
  const { atMs, ready, active, notYetReady, addCounter = 0, dueBy = [] } = counters;
  const counts = { addCounter, notYetReady };
  const halfLifeMs = halfLifeOf(history);
  const { serviceTimeMs = PRIOR_SERVICE_TIME_MS } = serviceTime(history, meanServiceTime(history.finished));
  const arrivals = observeArrivals(history.arrivals, counts, atMs, halfLifeMs);
  const added = arrivals.newArrivals;
  const brought =
    added === undefined
      ? undefined
      : observeBrought(history.brought, { added, ready, active }, { nowMs: atMs, halfLifeMs, serviceTimeMs });
  const perAdd = broughtOf({ ...history, brought });
  return {
    ...history,
    ...forecastArrivals(history, arrivals, jobs?.waitsMs ?? [], perAdd),
    announced: observeAnnounced(history.announced, dueBy, (added ?? 0) * perAdd, atMs),
    arrivals,
    brought,
    flow: observeFlow(history.flow, ready, active, arrivals.newArrivals, atMs),
    finished: jobs === undefined ? history.finished : observeFinished(history.finished, jobs, atMs),
  };
}

function neverHadJobs({ addCounter, ready, active, notYetReady }: QueueCounters): boolean {
  return addCounter === undefined && ready + active + notYetReady === 0;
}

function stillSilent(history: QueueHistory, { atMs }: QueueCounters): QueueHistory {
  return { ...history, silence: { sinceMs: history.silence?.sinceMs ?? atMs, untilMs: atMs } };
}

/** The history as if the samples during the silence had been added one by one: for silence the result is the same. */
function sinceTheSilence({ silence, ...history }: QueueHistory): QueueHistory {
  if (silence === undefined) return history;
  const { sinceMs, untilMs } = silence;
  const nothing = { addCounter: 0, notYetReady: 0 };
  const first = observeArrivals(undefined, nothing, sinceMs, halfLifeOf(history));
  const arrivals = observeArrivals(first, nothing, untilMs, halfLifeOf(history));
  const flow = observeFlow(undefined, 0, 0, undefined, sinceMs);
  return { ...history, arrivals, flow: observeFlow(flow, 0, 0, arrivals.newArrivals, untilMs) };
}

/** The forecast and the schedules, updated with the new arrivals. */
function forecastArrivals(
  { arrivals: before, forecast, recurrence, horizonMs, waitTargetMs }: QueueHistory,
  { atMs, newArrivals }: Arrivals,
  waitsMs: readonly number[],
  perAdd: number,
): Partial<Pick<QueueHistory, 'forecast' | 'recurrence'>> {
  const elapsedMs = atMs - (before?.atMs ?? atMs);
  if (newArrivals === undefined || elapsedMs <= 0) return {};
  // There may be thousands of queues that never had a job: their silence is accounted for when it ends.
  if (newArrivals === 0 && forecast === undefined && recurrence === NO_RECURRENCE) return {};
  const silentMs = before?.sustained.observedMs ?? 0;
  const known = forecast ?? (silentMs > 0 ? observeForecast(undefined, 0, silentMs, horizonMs) : undefined);
  const events = newArrivals * perAdd;
  const arrived = { events, elapsedMs, usualRate: known === undefined ? 0 : averageRate(known), waitsMs };
  return {
    forecast: observeForecast(known, events, elapsedMs, horizonMs),
    recurrence: observeRecurrence(recurrence, arrived, waitTargetMs, atMs),
  };
}

/**
 * Time until an idle queue has to be sampled because of the burst that is expected next, ms; undefined when none is
 * expected, or when that sample was taken already.
 */
export function untilBurstSampleMs({ recurrence, horizonMs }: QueueHistory, nowMs: Instant): number | undefined {
  const next = nextBurst(recurrence, nowMs);
  const untilMs = next === undefined ? 0 : next.atMs - horizonMs - nowMs;
  return untilMs > 0 ? untilMs : undefined;
}

/** What the history says at `nowMs`. */
export function estimateQueue(known: QueueHistory, nowMs: Instant): QueueEstimates {
  const history = sinceTheSilence(known);
  const finished = estimateFinished(history.finished, nowMs);
  const forecast = estimateForecast(history.forecast, history.horizonMs);
  return {
    ...finished,
    ...serviceTime(history, finished),
    ...estimateArrivals(history.arrivals, nowMs, halfLifeOf(history), broughtOf(history)),
    ...(forecast && { forecast }),
    ...(history.announced && { announcedCame: sharesThatCame(history.announced) }),
    ...expectedBurst(history, nowMs),
  };
}

function expectedBurst({ recurrence, horizonMs }: QueueHistory, nowMs: Instant): Pick<QueueEstimates, 'expectedBurst'> {
  const next = nextBurst(recurrence, nowMs);
  if (next === undefined || next.atMs > nowMs + horizonMs) return {};
  const { atMs, jobs, lastsMs, periodMs, confidence } = next;
  return { expectedBurst: { inMs: Math.max(0, atMs - nowMs), jobs, lastsMs, periodMs, confidence } };
}

/** See `jobsPerAdd`. */
function broughtOf(history: QueueHistory): number {
  if (history.brought === undefined) return 1;
  const { serviceTimeMs, serviceTimeSource } = serviceTime(history, meanServiceTime(history.finished));
  return jobsPerAdd(history.brought, serviceTimeSource === 'finished' ? serviceTimeMs : undefined);
}

function halfLifeOf(history: QueueHistory): number {
  const { serviceTimeMs = PRIOR_SERVICE_TIME_MS } = serviceTime(history, serviceTimeOf(history.finished));
  return arrivalHalfLifeMs(serviceTimeMs, history.waitTargetMs);
}

/** The first finished jobs are the short ones: until there are enough, running jobs may show that jobs are longer. */
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
