import type { PoolObservation, PoolSpecView, QueueLoad, ScalingRulesView } from './model/types.ts';

/** The rules of a spec that gives none. */
export const OUT_AT_ONCE: ScalingRulesView = {
  stabilizationWindowMs: 0,
  selectPolicy: 'Max',
  policies: [],
  tolerance: 0.1,
};
export const IN_AFTER_A_MINUTE: ScalingRulesView = { ...OUT_AT_ONCE, stabilizationWindowMs: 60_000 };

/** A pool for tests: 0 to 100 pods of 10 slots, 5 s wait target. */
export function aPool(over: Partial<PoolSpecView> = {}): PoolSpecView {
  return {
    minReplicas: 0,
    maxReplicas: 100,
    concurrency: 10,
    waitTargetMs: 5_000,
    scaleUp: OUT_AT_ONCE,
    scaleDown: IN_AFTER_A_MINUTE,
    maxDrainMs: 600_000,
    ...over,
  };
}

/** A queue with nothing in it, sampled at 0, whose jobs last a second. */
export function aLoad(over: Partial<QueueLoad> = {}): QueueLoad {
  return {
    queue: 'emails',
    sampledAtMs: 0,
    ready: 0,
    active: 0,
    dueSoon: 0,
    paused: false,
    share: 1,
    ...over,
    estimates: {
      serviceTimeMs: 1_000,
      serviceTimeSource: 'finished',
      arrivalRate: 0,
      newArrivals: 0,
      ...over.estimates,
    },
  };
}

export function anObservation(currentReplicas: number, ...queues: PoolObservation['queues']): PoolObservation {
  return { currentReplicas, queues };
}
