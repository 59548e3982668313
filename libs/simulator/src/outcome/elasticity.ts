import { demandBins } from './clairvoyant.ts';
import type { Level } from '../simulation/fleet.ts';
import type { Workload } from '../loads/workload.ts';

/** Demand and supply are compared in steps of this length. */
export const STEP_MS = 10_000;

/** How well a supply of pods follows a demand for them, over the whole time; smaller is better throughout. */
export interface Elasticity {
  /** θU: mean of (demand − supply)⁺ ÷ demand. */
  readonly underAccuracy: number;
  /** θO: mean of (supply − demand)⁺ ÷ demand. */
  readonly overAccuracy: number;
  /** τU, τO: shares of the time with too little, too much. */
  readonly underTimeshare: number;
  readonly overTimeshare: number;
  /**
   * υ: share of the time in which the supply moves up although the demand does not, or stays although the demand falls.
   */
  readonly instability: number;
}

/**
 * The elasticity metrics of SPEC's research group: Herbst et al., "Ready for Rain? A View from SPEC Research on the
 * Future of Cloud Metrics" (SPEC-RG-2016-01, arXiv 1604.03470), θ divided by the demand as in Bauer et al., "Chameleon"
 * (TPDS 2018, doi 10.1109/tpds.2018.2870389), υ as in the authors' code: min(max(sgn Δsupply − sgn Δdemand, 0), 1)
 * (NikolasHerbst/BUNGEE, metric/Instability.java). Where the demand is 0, θ is taken as if it were 1, so that no pod is
 * 0 % and n pods are n · 100 % over.
 */
export function elasticity(demand: readonly number[], supply: readonly number[]): Elasticity {
  const steps = demand.length;
  const mean = (value: (step: number) => number, from = 0): number => {
    let sum = 0;
    for (let step = from; step < steps; step++) sum += value(step);
    return sum / Math.max(1, steps - from);
  };
  const short = (step: number): number => demand[step]! - supply[step]!;
  return {
    underAccuracy: mean((step) => Math.max(0, short(step)) / Math.max(1, demand[step]!)),
    overAccuracy: mean((step) => Math.max(0, -short(step)) / Math.max(1, demand[step]!)),
    underTimeshare: mean((step) => Math.max(0, Math.sign(short(step)))),
    overTimeshare: mean((step) => Math.max(0, Math.sign(-short(step)))),
    instability: mean((step) => Math.min(1, Math.max(0, moved(supply, step) - moved(demand, step))), 1),
  };
}

function moved(levels: readonly number[], step: number): number {
  return Math.sign(levels[step]! - levels[step - 1]!);
}

/** Keeps a metric of 0 from making a ratio infinite. */
const LEAST = 0.001;

/**
 * ε: how many times better than a baseline, the geometric mean of the four ratios of θU, θO, τU, τO with equal weights,
 * as in the same report.
 */
export function elasticSpeedup(of: Elasticity, baseline: Elasticity): number {
  return (
    (improvement(of.underAccuracy, baseline.underAccuracy) *
      improvement(of.overAccuracy, baseline.overAccuracy) *
      improvement(of.underTimeshare, baseline.underTimeshare) *
      improvement(of.overTimeshare, baseline.overTimeshare)) **
    (1 / 4)
  );
}

function improvement(of: number, baseline: number): number {
  return (baseline + LEAST) / (of + LEAST);
}

/** Pods that the jobs of each step keep busy if every one starts when it is due. */
export function demandSteps(workload: Workload, concurrency: number): number[] {
  const bins = demandBins(workload, 0);
  const perStep = STEP_MS / 1_000;
  return Array.from({ length: Math.floor(workload.durationMs / STEP_MS) }, (_, step) => {
    const sum = bins.subarray(step * perStep, (step + 1) * perStep).reduce((total, slots) => total + slots, 0);
    return Math.max(0, Math.ceil(sum / perStep / concurrency - 1e-9));
  });
}

/** The supply at the middle of each step. */
export function supplySteps(supply: readonly Level[], steps: number): number[] {
  let at = 0;
  return Array.from({ length: steps }, (_, step) => {
    const middleMs = (step + 0.5) * STEP_MS;
    while (at + 1 < supply.length && supply[at + 1]!.atMs <= middleMs) at++;
    return supply[at]!.pods;
  });
}
