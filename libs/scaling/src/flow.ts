import { addEvents, perSecond, startRate, type DecayingRate } from './decaying.ts';
import type { Instant, QueueEstimates } from './types.ts';

const FLOW_HALF_LIFE_MS = 60_000;
/** Less flow than this gives no mean. */
const LEAST_STARTS = 5;
const LEAST_OBSERVED_MS = 10_000;

/** Jobs started and jobs in service, both over the same forgetting time. */
export interface Flow {
  readonly ready: number;
  readonly active: number;
  readonly starts: DecayingRate;
  /** Job·milliseconds in service. */
  readonly inService: DecayingRate;
}

/**
 * Follows what started: jobs that became ready minus the growth of the ready line. Needs no finished job to be kept, so it also
 * sees queues whose producers set `removeOnComplete: true`.
 */
export function observeFlow(
  before: Flow | undefined,
  ready: number,
  active: number,
  arrivals: number | undefined,
  nowMs: Instant,
): Flow {
  if (before === undefined || arrivals === undefined)
    return { ready, active, starts: startRate(nowMs), inService: startRate(nowMs) };
  const elapsedMs = Math.max(0, nowMs - before.starts.atMs);
  const starts = Math.max(0, arrivals - (ready - before.ready));
  const jobMs = ((before.active + active) / 2) * elapsedMs;
  return {
    ready,
    active,
    starts: addEvents(before.starts, starts, nowMs, FLOW_HALF_LIFE_MS),
    inService: addEvents(before.inService, jobMs, nowMs, FLOW_HALF_LIFE_MS),
  };
}

/** Service time by Little's law, S = L/λ: mean jobs in service ÷ starts a second. */
export function estimateFlow(flow: Flow | undefined): Pick<QueueEstimates, 'serviceTimeMs' | 'serviceTimeSource'> {
  if (flow === undefined || flow.starts.events < LEAST_STARTS || flow.starts.observedMs < LEAST_OBSERVED_MS) return {};
  const inService = perSecond(flow.inService, LEAST_OBSERVED_MS) / 1_000;
  const starts = perSecond(flow.starts, LEAST_OBSERVED_MS);
  return inService > 0 && starts > 0 ? { serviceTimeMs: (inService / starts) * 1_000, serviceTimeSource: 'flow' } : {};
}
