import type { Instant, QueueEstimates } from './model/types.ts';
import {
  addEvents,
  addValues,
  mean,
  NO_MOMENTS,
  squaredVariation,
  startRate,
  type DecayingMoments,
  type DecayingRate,
} from './statistics/decaying.ts';

/** Jobs change slowly compared to load. */
const SERVICE_HALF_LIFE_MS = 300_000;
const OUTCOME_HALF_LIFE_MS = 60_000;
/** Older waits say nothing about how the pool is doing. */
export const WAITS_FOR_MS = 60_000;
/** Most waits remembered per queue. */
export const MOST_WAITS = 400;
/** How long the longest job is remembered at least. */
const LONGEST_FOR_MS = 600_000;
/** Fewer jobs give neither a mean nor a percentile. */
const LEAST_JOBS = 3;
/** Fewer jobs give no variance. */
const LEAST_JOBS_FOR_SCV = 20;

/** What has finished since the last sample. */
export interface FinishedJobs {
  readonly completed: number;
  readonly failed: number;
  readonly waitsMs: readonly number[];
  readonly serviceMs: readonly number[];
}

export interface Finished {
  readonly service: DecayingMoments;
  /** The longest of the jobs that finished lately; see `rememberedMs`. */
  readonly longest: { readonly ms: number; readonly atMs: Instant };
  /** Newest last, at most `MOST_WAITS` of the last `WAITS_FOR_MS`. */
  readonly waits: readonly { readonly atMs: Instant; readonly ms: number }[];
  readonly completed: DecayingRate;
  readonly failed: DecayingRate;
}

export function noneFinished(nowMs: Instant): Finished {
  return {
    service: NO_MOMENTS,
    longest: { ms: 0, atMs: nowMs },
    waits: [],
    completed: startRate(nowMs),
    failed: startRate(nowMs),
  };
}

export function observeFinished(before: Finished, jobs: FinishedJobs, nowMs: Instant): Finished {
  const waits = before.waits.filter(({ atMs }) => nowMs - atMs <= WAITS_FOR_MS);
  return {
    service: addValues(before.service, jobs.serviceMs, nowMs, SERVICE_HALF_LIFE_MS),
    longest: longestOf(before.longest, jobs.serviceMs, nowMs),
    waits: [...waits, ...jobs.waitsMs.map((ms) => ({ atMs: nowMs, ms }))].slice(-MOST_WAITS),
    completed: addEvents(before.completed, jobs.completed, nowMs, OUTCOME_HALF_LIFE_MS),
    failed: addEvents(before.failed, jobs.failed, nowMs, OUTCOME_HALF_LIFE_MS),
  };
}

/** The mean of the jobs that finished lately; nothing while they are too few. */
export function meanServiceTime({
  service,
}: Pick<Finished, 'service'>): Pick<QueueEstimates, 'serviceTimeMs' | 'serviceTimeSource'> {
  return service.weight >= LEAST_JOBS ? { serviceTimeMs: mean(service), serviceTimeSource: 'finished' } : {};
}

export function estimateFinished(
  { service, longest, waits, completed, failed }: Finished,
  nowMs: Instant,
): Pick<
  QueueEstimates,
  'serviceTimeMs' | 'serviceTimeSource' | 'serviceScv' | 'longestServiceMs' | 'waitMs' | 'errorRate' | 'finishedJobs'
> {
  const recent = waits.filter(({ atMs }) => nowMs - atMs <= WAITS_FOR_MS).map(({ ms }) => ms);
  const finishedJobs = completed.events + failed.events;
  return {
    ...meanServiceTime({ service }),
    ...(service.weight >= LEAST_JOBS_FOR_SCV && { serviceScv: squaredVariation(service) }),
    ...(longest.ms > 0 && nowMs - longest.atMs <= rememberedMs(longest.ms) && { longestServiceMs: longest.ms }),
    ...(recent.length >= LEAST_JOBS && { waitMs: percentiles(recent) }),
    ...(finishedJobs >= 1 && { finishedJobs, errorRate: failed.events / finishedJobs }),
  };
}

function longestOf(before: Finished['longest'], serviceMs: readonly number[], nowMs: Instant): Finished['longest'] {
  const known = nowMs - before.atMs <= rememberedMs(before.ms) ? before : { ms: 0, atMs: nowMs };
  return serviceMs.reduce((longest, ms) => (ms >= longest.ms ? { ms, atMs: nowMs } : longest), known);
}

/** How long the longest job is remembered: the longer it ran, the seldomer is its like seen. */
function rememberedMs(ms: number): number {
  return Math.max(LONGEST_FOR_MS, 3 * ms);
}

function percentiles(values: readonly number[]): { p50: number; p95: number; p99: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
}

/** The nearest-rank percentile: a value that occurred, never one between two. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
