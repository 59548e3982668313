export {
  bursts,
  diurnal,
  merged,
  modulated,
  poissonArrivals,
  ramps,
  steps,
  type Rate,
} from './loads/arrival-processes.ts';
export { clairvoyantBound, demandBins, ALLOWED_MISSES, type ClairvoyantBound } from './outcome/clairvoyant.ts';
export {
  demandSteps,
  elasticity,
  elasticSpeedup,
  supplySteps,
  STEP_MS,
  type Elasticity,
} from './outcome/elasticity.ts';
export { afterWarmUp, missShare, reversals, waitPercentile } from './outcome/outcome.ts';
export { production } from './production/production.ts';
export {
  constant,
  exponential,
  lognormal,
  pareto,
  seededRandom,
  wholeBetween,
  type Distribution,
  type Random,
} from './loads/random.ts';
export { fixedFleet } from './rivals/fixed-fleet.ts';
export { kedaAsInstalled, largestFixedFleet, rivalGrid, type Rival, type TunedFor } from './rivals/grid.ts';
export {
  simulate,
  simulateWithin,
  type Bounds,
  type Change,
  type Environment,
  type Run,
} from './simulation/simulate.ts';
export type { Level } from './simulation/fleet.ts';
export type { PoolView, Scaler, Ticked } from './simulation/scaler.ts';
export { offeredLoad, startsOf, workload, type Workload, type WorkloadPlan } from './loads/workload.ts';
