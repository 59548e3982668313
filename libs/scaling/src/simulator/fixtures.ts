import type { PoolView } from './scaler.ts';
import { exponential, seededRandom, type Distribution } from './random.ts';
import { poissonArrivals } from './arrival-processes.ts';
import { workload, type Workload } from './workload.ts';
import type { Environment } from './simulate.ts';

/** A constant Poisson load for tests. */
export function poissonWorkload(perSecond: number, service: Distribution, durationMs: number, seed = 1): Workload {
  const addedMs = poissonArrivals(() => perSecond, perSecond, durationMs, seededRandom(seed));
  return workload({ name: 'poisson', durationMs, seed, service }, addedMs);
}

/** Pods of 4 slots that take 3 s to start. */
export function anEnvironment(over: Partial<Environment> = {}): Environment {
  return { concurrency: 4, maxReplicas: 1_000, podStartMs: () => 3_000, seed: 1, ...over };
}

/** A pool in which nothing is, for scalers that are asked by hand. */
export function aView(over: Partial<PoolView> = {}): PoolView {
  return {
    nowMs: 0,
    replicas: 0,
    readyPods: 0,
    ready: 0,
    active: 0,
    added: 0,
    delayed: 0,
    dueWithin: () => 0,
    nextDueMs: () => Infinity,
    headReadyMs: () => undefined,
    jobMs: () => 0,
    takeFinished: () => ({ completed: 0, waitsMs: [], serviceMs: [] }),
    ...over,
  };
}

export const EXPONENTIAL_SECOND = exponential(1_000);
