import { geometricMean } from '../measuring/percentile.ts';
import { WORTH_COMPARING_SLOTS, type Verdict } from './judge.ts';

export interface Summary {
  /**
   * Geometric mean of (m + 0.1 %) ÷ (m of the best rival + 0.1 %) over the workloads whose target some size keeps; null
   * when there is none.
   */
  readonly sloMissRatioToBest: number | null;
  readonly worstTraceRatio: number | null;
  /** Geometric mean over workloads of at least 10 slots of load; null when there is none. */
  readonly podSecondsRatioToClairvoyant: number | null;
  /** Mean over the same: the share of paid slots that work. */
  readonly utilisation: number | null;
  /** Geometric mean over the workloads whose fullest minute is at least twice their mean. */
  readonly costRatioToFixedFleet: number | null;
  /** Mean over the traces. */
  readonly changesPerHour: number | null;
  /** Sum over all. */
  readonly discardedWorkMs: number;
  /** Jobs that were neither completed nor still in line; must be 0. */
  readonly lost: number;
}

/** @param traces names of those that were given, and not made. */
export function summarize(verdicts: readonly Verdict[], traces: readonly string[] = []): Summary {
  const ratios = verdicts.filter((verdict) => verdict.isAttainable).map(({ sloMissRatio }) => sloMissRatio);
  const large = verdicts.filter(({ loadSlots }) => loadSlots >= WORTH_COMPARING_SLOTS);
  const costs = large.flatMap(({ podSecondsToClairvoyant: ratio }) => (ratio === undefined ? [] : [ratio]));
  const fixed = verdicts.flatMap(({ costToFixedFleet: ratio }) => (ratio === undefined ? [] : [ratio]));
  const given = verdicts.filter(({ workload }) => traces.includes(workload.name));
  return {
    sloMissRatioToBest: ifAny(ratios, geometricMean),
    worstTraceRatio: ifAny(ratios, (all) => Math.max(...all)),
    podSecondsRatioToClairvoyant: ifAny(costs, geometricMean),
    utilisation: ifAny(
      large.map(({ utilisation }) => utilisation),
      mean,
    ),
    costRatioToFixedFleet: ifAny(fixed, geometricMean),
    changesPerHour: ifAny(
      given.map(({ changesPerHour }) => changesPerHour),
      mean,
    ),
    discardedWorkMs: verdicts.reduce((sum, { discardedWorkMs }) => sum + discardedWorkMs, 0),
    lost: verdicts.reduce((sum, { runs }) => sum + runs.ours.jobs - runs.ours.completed, 0),
  };
}

function ifAny(values: readonly number[], of: (values: readonly number[]) => number): number | null {
  return values.length === 0 ? null : of(values);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
