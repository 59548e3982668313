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
export {
  ALLOWED_MISSES,
  isAttainable,
  clairvoyantBound,
  demandBins,
  demandedSlots,
  type ClairvoyantBound,
} from './outcome/clairvoyant.ts';
export { addedWhenDue } from './outcome/ideal.ts';
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
export type { Environment, SpotPlan } from './simulation/environment.ts';
export type { Level } from './simulation/fleet.ts';
export type { NodePlan } from './simulation/nodes.ts';
export type { Change, Pool } from './simulation/pool.ts';
export type { Run } from './simulation/run.ts';
export { simulate, simulateWithin } from './simulation/simulate.ts';
export type { Bounds } from './simulation/simulation.ts';
export type { PoolView, Scaler, Ticked } from './simulation/scaler.ts';
export {
  offeredLoad,
  startsOf,
  workload,
  type Deduplication,
  type RateLimit,
  type Scheduler,
  type Workload,
  type WorkloadPlan,
} from './loads/workload.ts';
export { schedulerRuns } from './loads/schedulers.ts';
