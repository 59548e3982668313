import type { Environment } from '../simulation/environment.ts';
import type { Run } from '../simulation/run.ts';
import { simulateWithin } from '../simulation/simulate.ts';
import { dependsOnRun, idealRun, startedInTime } from './ideal.ts';
import { missShare } from './outcome.ts';
import type { Scaler } from '../simulation/scaler.ts';
import { offeredLoad, startsOf, type Workload } from '../loads/workload.ts';

/** Share of the starts that may be late: the target is a 95th percentile. */
export const ALLOWED_MISSES = 0.05;
/** Where the target is out of reach: the part of the jobs that could start in the time. */
const STARTED_IN_TIME = 0.95;
const BIN_MS = 1_000;
/** How early a pod is asked for: the 90th percentile of this many start times. */
const START_TIMES_DRAWN = 200;
/**
 * The schedules searched: over how long the demand is evened out, as multiples of the wait target, and how much is
 * added.
 */
const SMOOTHING = [1, 2, 4, 8, 16, 32, 64] as const;
const HEADROOM = [0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3, 1.5, 2] as const;

export interface ClairvoyantBound {
  /**
   * The cheapest schedule found that keeps the target; where no size can, that has as many jobs start in the time as a
   * fleet without end. Absent: none of those searched does.
   */
  readonly best?: Run;
  /** Σ service time ÷ slots of a pod: no fleet whatever can do with less. */
  readonly workPodSeconds: number;
}

/** Whether some size keeps the target: where a limit is below what comes, none does. */
export function isAttainable(workload: Workload, waitTargetMs: number): boolean {
  return workload.limits === undefined || missShare(idealRun(workload), waitTargetMs) <= ALLOWED_MISSES;
}

/**
 * What a scaler could do that knows every job in advance, and how long pods take to start: the cheapest of the
 * schedules searched whose late starts are at most `ALLOWED_MISSES`, each run through the same simulator as everybody
 * else. A schedule follows the jobs that would be in service if each started half the wait target after it was due,
 * evened out over a window: a fleet that always has a line a little shorter than the target is never idle. Being a
 * search it is an upper bound of the optimum; `workPodSeconds` is a lower one.
 */
export function clairvoyantBound(workload: Workload, waitTargetMs: number, environment: Environment): ClairvoyantBound {
  const leadMs = startTime(environment);
  const demand = demandBins(workload, waitTargetMs / 2);
  const attainable = isAttainable(workload, waitTargetMs);
  const bounds = { waitTargetMs, lateStarts: attainable ? ALLOWED_MISSES * startsOf(workload) : Infinity };
  const isGood = (run: Run): boolean =>
    attainable
      ? missShare(run, waitTargetMs) <= ALLOWED_MISSES
      : startedInTime(run, workload) >= STARTED_IN_TIME * startedInTime(idealRun(workload), workload);
  let best: Run | undefined;
  for (const smoothing of SMOOTHING) {
    const even = evened(demand, Math.max(1, Math.round((smoothing * waitTargetMs) / BIN_MS)));
    for (const headroom of HEADROOM) {
      const pods = even.map((slots) => wholePods((slots * headroom) / environment.concurrency));
      const schedule = scheduled(pods, leadMs, `clairvoyant ${smoothing} ${headroom}`);
      const run = simulateWithin(
        { ...bounds, podSeconds: best?.podSeconds ?? Infinity },
        workload,
        schedule,
        environment,
      );
      if (run === undefined || !isGood(run)) continue;
      best = run;
      break; // More headroom costs more.
    }
  }
  const workPodSeconds = (demandedSlots(workload) * workload.durationMs) / 1_000 / environment.concurrency;
  return { workPodSeconds, ...(best && { best }) };
}

/** Less than a hundredth of a pod is no pod. */
function wholePods(pods: number): number {
  return pods < 0.01 ? 0 : Math.ceil(pods);
}

/** Of a pod, and of its node where it may have to come first. */
function startTime({ podStartMs, nodes, seed }: Environment): number {
  let state = seed;
  const random = (): number => (state = (state * 16_807 + 12_345) % 2_147_483_647) / 2_147_483_647;
  const draw = (): number => podStartMs(random) + (nodes?.startMs(random) ?? 0);
  const drawn = Array.from({ length: START_TIMES_DRAWN }, draw).toSorted((a, b) => a - b);
  return drawn[Math.floor(0.9 * drawn.length)]!;
}

/** Mean of the jobs in service if each started as soon as it could. */
export function demandedSlots(workload: Workload): number {
  return dependsOnRun(workload) ? idealRun(workload).usefulMs / workload.durationMs : offeredLoad(workload);
}

/** Mean jobs in service in each second, if each started `lateMs` after it could first. */
export function demandBins(workload: Workload, lateMs: number): Float64Array {
  const { addedMs, delayMs, serviceMs, failures, durationMs } = workload;
  const bins = new Float64Array(Math.ceil(durationMs / BIN_MS) + 1);
  const fill = (fromMs: number, toMs: number): void => {
    for (let bin = Math.floor(fromMs / BIN_MS); bin * BIN_MS < toMs && bin < bins.length; bin++) {
      bins[bin]! += (Math.min(toMs, (bin + 1) * BIN_MS) - Math.max(fromMs, bin * BIN_MS)) / BIN_MS;
    }
  };
  if (dependsOnRun(workload)) {
    const { startedMs, startedJobs } = idealRun(workload);
    startedMs.forEach((atMs, start) => fill(atMs + lateMs, atMs + lateMs + serviceMs[startedJobs![start]!]!));
    return bins;
  }
  addedMs.forEach((added, job) => {
    const fromMs = added + (delayMs?.[job] ?? 0) + lateMs;
    fill(fromMs, fromMs + serviceMs[job]! * (1 + (failures?.[job] ?? 0)));
  });
  return bins;
}

/** The centred mean over a window. */
function evened(bins: Float64Array, window: number): Float64Array {
  const sums = new Float64Array(bins.length + 1);
  bins.forEach((value, bin) => (sums[bin + 1] = sums[bin]! + value));
  return bins.map((_, bin) => {
    const from = Math.max(0, bin - Math.floor(window / 2));
    const to = Math.min(bins.length, bin + Math.ceil(window / 2));
    return (sums[to]! - sums[from]!) / (to - from);
  });
}

/**
 * Has `pods[second]` ready in each second; a pod that will be needed again before another could have started is kept.
 */
function scheduled(pods: Float64Array, leadMs: number, name: string): Scaler {
  const lead = Math.ceil(leadMs / BIN_MS);
  return {
    name,
    victims: 'least-work',
    applyMs: 0,
    tick(view) {
      const bin = Math.floor(view.nowMs / BIN_MS);
      const desired = bin < pods.length ? Math.max(...pods.subarray(bin, bin + lead + 1)) : afterTheEnd(view.ready);
      return { desired, nextMs: (bin + 1) * BIN_MS };
    },
  };
}

/** What is left when the workload is over is worked off; it costs nothing any more. */
function afterTheEnd(ready: number): number {
  return ready > 0 ? 100 : 0;
}
