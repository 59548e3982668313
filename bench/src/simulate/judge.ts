import {
  ALLOWED_MISSES,
  isAttainable,
  clairvoyantBound,
  demandBins,
  demandedSlots,
  demandSteps,
  elasticity,
  elasticSpeedup,
  fixedFleet,
  kedaAsInstalled,
  largestFixedFleet,
  missShare,
  reversals,
  rivalGrid,
  simulate,
  simulateWithin,
  startsOf,
  supplySteps,
  waitPercentile,
  type Elasticity,
  type Rival,
  type Run,
  type Workload,
} from '@redis-queue/simulator';
import type { Stage } from '../simulation/stage.ts';

/**
 * Added to both sides of a ratio of misses, so that 1 late job in 10,000 against none is no defeat: a tenth of a
 * percent.
 */
const NEGLIGIBLE_MISSES = 0.001;
/**
 * A rival may cost this much more than we do and still be compared: a difference below a hundredth is start-up, not
 * policy.
 */
const COST_ALLOWANCE = 1.01;
/** Below this offered load, in slots, rounding to whole pods decides the cost and not the policy. */
export const WORTH_COMPARING_SLOTS = 10;
/** A load whose fullest minute is at least so many times its mean is worth comparing with a fleet of one size. */
const UNEVEN = 2;
const MINUTE_BINS = 60;

export interface Outcome {
  readonly scaler: string;
  readonly misses: number;
  readonly podSeconds: number;
  readonly waitP95Ms: number;
  readonly changes: number;
  readonly reversals: number;
  readonly elasticity: Elasticity;
  readonly elasticSpeedup: number;
}

export interface Verdict {
  readonly workload: Workload;
  readonly loadSlots: number;
  /** Some size keeps the target. Where none does, as below a rate limit, only the cost is judged. */
  readonly isAttainable: boolean;
  /** The share of the paid slots that did work that counts. */
  readonly utilisation: number;
  readonly changesPerHour: number;
  /** Work that scale-ins threw away. */
  readonly discardedWorkMs: number;
  /**
   * Our pod-seconds ÷ those of the smallest fleet of one size that keeps the target; absent of even loads, and where no
   * fleet does.
   */
  readonly costToFixedFleet?: number;
  readonly ours: Outcome;
  /** See `bestRival`. */
  readonly best: Outcome;
  readonly sloMissRatio: number;
  readonly clairvoyant?: Outcome;
  /** Ours ÷ the clairvoyant schedule's; absent when no schedule searched keeps the target. */
  readonly podSecondsToClairvoyant?: number;
  /** Ours ÷ what the jobs' own time would fill. */
  readonly podSecondsToWork: number;
  readonly runs: { readonly ours: Run; readonly best: Run };
}

/** Runs one workload under our policy, every rival of the grid and the clairvoyant. */
export function judge(workload: Workload, stage: Stage, progress: (done: number, of: number) => void): Verdict {
  const { environment, waitTargetMs } = stage;
  const loadSlots = demandedSlots(workload);
  const attainable = isAttainable(workload, waitTargetMs);
  const tuned = {
    concurrency: stage.concurrency,
    maxReplicas: environment.maxReplicas,
    waitTargetMs,
    meanServiceMs: (loadSlots * workload.durationMs) / Math.max(1, workload.addedMs.length),
    seed: environment.seed,
  };
  const ours = simulate(workload, stage.ours(), environment);
  // Where every start is late whatever the size, no rival is to beat: one stands for all.
  const rivals: Rival[] = [
    ...(attainable ? rivalGrid(tuned) : [kedaAsInstalled(tuned)]),
    largestFixedFleet(ours.podSeconds * COST_ALLOWANCE, workload.durationMs),
  ];
  const starts = startsOf(workload);
  const { run: best } = bestRival(rivals.length, ours.podSeconds, (rival, most) => {
    progress(rival, rivals.length);
    const bounds = { waitTargetMs, podSeconds: most.podSeconds, lateStarts: Math.floor(most.misses * starts + 1e-6) };
    const run = simulateWithin(bounds, workload, rivals[rival]!(), environment);
    return run && { run, misses: missShare(run, waitTargetMs), podSeconds: run.podSeconds };
  });
  const clairvoyant = clairvoyantBound(workload, waitTargetMs, environment);
  const demand = demandSteps(workload, stage.concurrency);
  const baseline = elasticityOf(simulate(workload, kedaAsInstalled(tuned)(), environment), demand);
  const outcome = (run: Run): Outcome => outcomeOf(run, waitTargetMs, demand, baseline);
  const misses = missShare(ours, waitTargetMs);
  const fixed = attainable && isUneven(workload) ? smallestFixedFleet(workload, stage, loadSlots) : undefined;
  return {
    workload,
    loadSlots,
    isAttainable: attainable,
    utilisation: ours.usefulMs / (ours.podSeconds * 1_000 * stage.concurrency),
    changesPerHour: (ours.changes.length * 3_600_000) / workload.durationMs,
    discardedWorkMs: ours.discardedMs,
    ...(fixed && { costToFixedFleet: ours.podSeconds / fixed.podSeconds }),
    ours: outcome(ours),
    best: outcome(best),
    sloMissRatio: (misses + NEGLIGIBLE_MISSES) / (missShare(best, waitTargetMs) + NEGLIGIBLE_MISSES),
    ...(clairvoyant.best && {
      clairvoyant: outcome(clairvoyant.best),
      podSecondsToClairvoyant: ours.podSeconds / clairvoyant.best.podSeconds,
    }),
    podSecondsToWork: ours.podSeconds / clairvoyant.workPodSeconds,
    runs: { ours, best },
  };
}

/** Share of late starts, and cost. */
interface Score {
  readonly misses: number;
  readonly podSeconds: number;
}

/** Tries a rival; undefined once it is sure to have more misses or to cost more than that. */
export type Attempt<R extends Score> = (rival: number, most: Score) => R | undefined;

/**
 * The rival to beat: of those that cost no more pod-seconds than we do (and a hundredth), the one with the fewest
 * misses, and of equals the cheapest. Where none is as cheap as we are, the cheapest of all: it has more pods to work
 * with, which favours it. A rival that can no longer win is abandoned, which changes nothing but the time it takes.
 */
export function bestRival<R extends Score>(rivals: number, podSeconds: number, attempt: Attempt<R>): R {
  const affordable = podSeconds * COST_ALLOWANCE;
  let best: R | undefined;
  for (let rival = 0; rival < rivals; rival++) {
    const tried = attempt(rival, { misses: best?.misses ?? Infinity, podSeconds: affordable });
    if (tried === undefined || tried.podSeconds > affordable) continue;
    if (
      best === undefined ||
      tried.misses < best.misses ||
      (tried.misses === best.misses && tried.podSeconds < best.podSeconds)
    )
      best = tried;
  }
  if (best !== undefined) return best;
  for (let rival = 0; rival < rivals; rival++) {
    const tried = attempt(rival, { misses: Infinity, podSeconds: best?.podSeconds ?? Infinity });
    if (tried !== undefined && (best === undefined || tried.podSeconds < best.podSeconds)) best = tried;
  }
  if (best === undefined) throw new Error('there is no rival to compare with');
  return best;
}

/** The fullest minute against the mean. */
function isUneven(workload: Workload): boolean {
  const bins = demandBins(workload, 0);
  const minutes = Math.max(1, Math.floor(bins.length / MINUTE_BINS));
  const sums = Array.from({ length: minutes }, (_, minute) =>
    bins.subarray(minute * MINUTE_BINS, (minute + 1) * MINUTE_BINS).reduce((sum, slots) => sum + slots, 0),
  );
  const mean = bins.reduce((sum, slots) => sum + slots, 0) / bins.length;
  return Math.max(...sums) / MINUTE_BINS >= UNEVEN * mean;
}

/** The smallest fleet of one size that keeps the target: more pods never make more jobs late. */
function smallestFixedFleet(workload: Workload, stage: Stage, loadSlots: number): Run | undefined {
  const { environment, waitTargetMs, concurrency } = stage;
  const bounds = { waitTargetMs, podSeconds: Infinity, lateStarts: ALLOWED_MISSES * startsOf(workload) };
  const keeps = (pods: number): Run | undefined => {
    const run = simulateWithin(bounds, workload, fixedFleet(pods), environment);
    return run !== undefined && missShare(run, waitTargetMs) <= ALLOWED_MISSES ? run : undefined;
  };
  let tooFew = Math.floor(loadSlots / concurrency);
  let most = Math.max(1, 2 * tooFew);
  let smallest = keeps(most);
  while (smallest === undefined && most < environment.maxReplicas) {
    tooFew = most;
    most = Math.min(2 * most, environment.maxReplicas);
    smallest = keeps(most);
  }
  while (smallest !== undefined && most - tooFew > 1) {
    const pods = Math.ceil((tooFew + most) / 2);
    const run = keeps(pods);
    if (run === undefined) tooFew = pods;
    else [most, smallest] = [pods, run];
  }
  return smallest;
}

function outcomeOf(run: Run, waitTargetMs: number, demand: readonly number[], baseline: Elasticity): Outcome {
  const metrics = elasticityOf(run, demand);
  return {
    scaler: run.scaler,
    misses: missShare(run, waitTargetMs),
    podSeconds: run.podSeconds,
    waitP95Ms: waitPercentile(run, 0.95),
    changes: run.changes.length,
    reversals: reversals(run),
    elasticity: metrics,
    elasticSpeedup: elasticSpeedup(metrics, baseline),
  };
}

function elasticityOf(run: Run, demand: readonly number[]): Elasticity {
  return elasticity(demand, supplySteps(run.supply, demand.length));
}
