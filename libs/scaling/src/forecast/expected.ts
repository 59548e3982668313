import type { QueueLoad } from '../model/types.ts';

/** Forecasts that were worth less than this are not used. */
const LEAST_CONFIDENCE = 0.5;

/**
 * Half of the wait target is for pods to start. While jobs wait less, pods that are requested when the load arrives are
 * in time.
 */
const IN_TIME_SHARE = 0.5;

/**
 * Arrivals per second of this pool's share to be ready for when a pod that is requested now has started: the present
 * rate and, of the growth that is forecast, the part that such forecasts have been worth. 0 when there is nothing to
 * add: a forecast can only scale out, and only where jobs of the last minute show that reacting to the present load
 * comes too late.
 *
 * @param arrivalRate of the share; 0 for an idle queue, which no forecast of a rate keeps from zero.
 */
export function expectedRate(
  { estimates: { forecast, waitMs }, share }: QueueLoad,
  arrivalRate: number,
  waitTargetMs: number | undefined,
): number {
  if (forecast === undefined || forecast.confidence < LEAST_CONFIDENCE || arrivalRate === 0) return 0;
  if (waitTargetMs === undefined || (waitMs?.p95 ?? 0) <= IN_TIME_SHARE * waitTargetMs) return 0;
  const growth = forecast.ratePerSecond * share - arrivalRate;
  return growth > 0 ? arrivalRate + forecast.confidence * growth : 0;
}

/**
 * Jobs of this pool's share that a schedule is expected to add within a pod's start time; all of them, for it comes
 * whole or not at all.
 */
export function expectedJobs({ estimates: { expectedBurst }, share }: QueueLoad): number {
  if (expectedBurst === undefined || expectedBurst.confidence < LEAST_CONFIDENCE) return 0;
  return expectedBurst.jobs * share;
}
