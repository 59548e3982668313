export { advisedSpec, WORKER_CONTAINER, workerResources, type AdvisedSpec } from './advised-spec.ts';
export { advise, ENOUGH, type Evidence, type PoolAdvice } from './advise.ts';
export { steadyAdvice, type GivenAdvice } from './steady.ts';
export { learnUsage, noUsage, type MeasuredPods, type UsageHistory, type UsageReport } from './usage-history.ts';
