export { decide } from './decide.ts';
export { erlangC, slotsForWaitTarget } from './erlang.ts';
export { DEFAULT_SCALE_DOWN_WINDOW_MS, DEFAULT_WAIT_TARGET_MS, poolSpecView } from './pool-spec.ts';
export { initialState } from './policy-state.ts';
export { STALE_AFTER_MS } from './holds.ts';
export { PRIOR_SERVICE_TIME_MS } from './flow.ts';
export { loadOfPool, type Slots } from './share.ts';
export {
  emptyHistory,
  estimateQueue,
  observeQueue,
  untilBurstSampleMs,
  withHorizon,
  type QueueCounters,
  type QueueHistory,
} from './queue-history.ts';
export type { FinishedJobs } from './finished-jobs.ts';
export {
  isSeen,
  type Decision,
  type DueJobs,
  type Hold,
  type Instant,
  type PolicyState,
  type PoolObservation,
  type PoolSpecView,
  type QueueEstimates,
  type QueueLoad,
  type QueueObservation,
  type QueueSignal,
  type UnseenQueue,
} from './model/types.ts';
export {
  advise,
  advisedSpec,
  ENOUGH,
  learnUsage,
  noUsage,
  steadyAdvice,
  WORKER_CONTAINER,
  workerResources,
  type AdvisedSpec,
  type Evidence,
  type GivenAdvice,
  type PoolAdvice,
  type UsageHistory,
  type UsageReport,
} from './advice/index.ts';
