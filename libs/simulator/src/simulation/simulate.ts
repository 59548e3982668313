import type { Workload } from '../loads/workload.ts';
import type { Environment } from './environment.ts';
import type { Pool } from './pool.ts';
import type { Run } from './run.ts';
import type { Scaler } from './scaler.ts';
import { Simulation, UNBOUNDED, type Bounds } from './simulation.ts';

/**
 * Runs `workload` through a pool sized by `scaler`, or through several, in simulated time: a discrete-event simulation.
 * Pure: the same arguments, with fresh scalers, give the same run. No pod runs at the start.
 */
export function simulate(workload: Workload, sizedBy: Scaler | readonly Pool[], environment: Environment): Run {
  return new Simulation(workload, poolsOf(sizedBy), environment, UNBOUNDED).run()!;
}

/** As `simulate`; undefined as soon as the run is out of the bounds, which most runs of a search are early. */
export function simulateWithin(
  bounds: Bounds,
  workload: Workload,
  sizedBy: Scaler | readonly Pool[],
  environment: Environment,
): Run | undefined {
  return new Simulation(workload, poolsOf(sizedBy), environment, bounds).run();
}

function poolsOf(sizedBy: Scaler | readonly Pool[]): readonly Pool[] {
  return 'tick' in sizedBy ? [{ scaler: sizedBy, fromMs: 0 }] : sizedBy;
}
