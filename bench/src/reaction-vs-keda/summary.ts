import { percentile } from '../measuring/percentile.ts';

/** What a watch of one Deployment saw after a burst. */
export interface Reaction {
  /** From the burst until `spec.replicas` was no longer 0. */
  readonly firstMs: number;
  /** From the burst until it was the final size. */
  readonly finalMs: number;
  /** The sizes on the way, the final one included. */
  readonly sizes: readonly number[];
}

export interface ArmSummary {
  n: number;
  firstP50Ms: number;
  firstP99Ms: number;
  finalP50Ms: number;
  finalP99Ms: number;
  /** Most changes of size that a burst took until the final one. */
  patchesToFinal: number;
}

export interface Comparison {
  finalRatioDefault: number;
  finalRatioTuned: number;
  firstRatioTuned: number;
  patchesToFinal: number;
}

export function summarize(reactions: readonly Reaction[]): ArmSummary {
  const first = reactions.map(({ firstMs }) => firstMs);
  const final = reactions.map(({ finalMs }) => finalMs);
  return {
    n: reactions.length,
    firstP50Ms: Math.round(percentile(first, 0.5)),
    firstP99Ms: Math.round(percentile(first, 0.99)),
    finalP50Ms: Math.round(percentile(final, 0.5)),
    finalP99Ms: Math.round(percentile(final, 0.99)),
    patchesToFinal: Math.max(...reactions.map(({ sizes }) => sizes.length)),
  };
}

/**
 * Ours ÷ theirs, each of the 99th percentiles: 0.01 is a hundredth of KEDA's time. Below 100 bursts that is the slowest
 * of each.
 */
export function compare(ours: ArmSummary, asInstalled: ArmSummary, tuned: ArmSummary): Comparison {
  return {
    finalRatioDefault: ratio(ours.finalP99Ms, asInstalled.finalP99Ms),
    finalRatioTuned: ratio(ours.finalP99Ms, tuned.finalP99Ms),
    firstRatioTuned: ratio(ours.firstP99Ms, tuned.firstP99Ms),
    patchesToFinal: ours.patchesToFinal,
  };
}

/** To four places: the goal of one of them is a hundred and fiftieth. */
function ratio(ours: number, theirs: number): number {
  return Math.round((ours / theirs) * 10_000) / 10_000;
}
