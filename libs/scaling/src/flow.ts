import type { Instant, QueueEstimates } from './model/types.ts';
import { addEvents, startRate, type DecayingRate } from './statistics/decaying.ts';

const FLOW_HALF_LIFE_MS = 60_000;
/** What a job is taken to last before any has finished. Wrong at first is harmless: the jobs that run correct it. */
export const PRIOR_SERVICE_TIME_MS = 1_000;
/** How many finished jobs that guess is worth. */
const PRIOR_JOBS = 2;

/** Jobs finished and time in service, both over the same forgetting time. */
export interface Flow {
  readonly ready: number;
  readonly active: number;
  readonly finishes: DecayingRate;
  /** Job·milliseconds in service. */
  readonly inService: DecayingRate;
}

/**
 * Follows what finished: jobs that became ready minus the growth of the line and of what runs. It does not need
 * finished jobs to stay in Redis, so it also sees queues whose producers set `removeOnComplete: true`.
 */
export function observeFlow(
  before: Flow | undefined,
  ready: number,
  active: number,
  arrivals: number | undefined,
  nowMs: Instant,
): Flow {
  if (before === undefined || arrivals === undefined)
    return { ready, active, finishes: startRate(nowMs), inService: startRate(nowMs) };
  const elapsedMs = Math.max(0, nowMs - before.finishes.atMs);
  const finishes = Math.max(0, arrivals - (ready - before.ready) - (active - before.active));
  const jobMs = ((before.active + active) / 2) * elapsedMs;
  return {
    ready,
    active,
    finishes: addEvents(before.finishes, finishes, nowMs, FLOW_HALF_LIFE_MS),
    inService: addEvents(before.inService, jobMs, nowMs, FLOW_HALF_LIFE_MS),
  };
}

/**
 * Service time from time in service ÷ jobs finished: the estimate of an exponential mean where some jobs still run
 * (Lawless, "Statistical Models and Methods for Lifetime Data", 2003, §4.1), with the guess as a prior. Unlike a mean
 * of finished jobs it is not too short in the beginning, when only the short ones have finished, and it exists before
 * any has.
 */
export function estimateFlow(flow: Flow | undefined): Pick<QueueEstimates, 'serviceTimeMs' | 'serviceTimeSource'> {
  if (flow === undefined || flow.inService.events <= 0) return {};
  const serviceTimeMs =
    (flow.inService.events + PRIOR_JOBS * PRIOR_SERVICE_TIME_MS) / (flow.finishes.events + PRIOR_JOBS);
  return { serviceTimeMs, serviceTimeSource: 'flow' };
}
