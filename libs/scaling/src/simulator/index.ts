export {
  bursts,
  diurnal,
  merged,
  modulated,
  poissonArrivals,
  ramps,
  steps,
  type Rate,
} from './arrival-processes.ts';
export { clairvoyantBound, demandBins, ALLOWED_MISSES, type ClairvoyantBound } from './clairvoyant.ts';
export {
  demandSteps,
  elasticity,
  elasticSpeedup,
  supplySteps,
  STEP_MS,
  type Elasticity,
} from './elasticity.ts';
export { afterWarmUp, missShare, reversals, waitPercentile } from './outcome.ts';
export { production } from './production.ts';
export { constant, exponential, lognormal, pareto, seededRandom, type Distribution, type Random } from './random.ts';
export { fixedFleet } from './rivals/fixed-fleet.ts';
export { kedaAsInstalled, largestFixedFleet, rivalGrid, type Rival, type TunedFor } from './rivals/grid.ts';
export { simulate, type Change, type Environment, type Run } from './simulate.ts';
export type { Level } from './fleet.ts';
export type { PoolView, Scaler, Ticked } from './scaler.ts';
export { offeredLoad, workload, type Workload, type WorkloadPlan } from './workload.ts';
