import type { Run } from '../simulation/run.ts';

/** Share of the starts that waited longer than the target; what never started counts as late. */
export function missShare({ waitsMs, neverStarted }: Run, waitTargetMs: number): number {
  let late = neverStarted;
  for (const waitMs of waitsMs) if (waitMs > waitTargetMs) late++;
  const starts = waitsMs.length + neverStarted;
  return starts === 0 ? 0 : late / starts;
}

/** The wait that `share` of the starts do not exceed (nearest rank); NaN of none. */
export function waitPercentile({ waitsMs }: Run, share: number): number {
  const sorted = waitsMs.toSorted();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Changes of a pool's size that go against the one before. */
export function reversals({ changes }: Pick<Run, 'changes'>): number {
  return changes.filter(({ from, to, pool }, index) => {
    const before = changes.findLast((change, at) => at < index && change.pool === pool);
    return before !== undefined && Math.sign(to - from) !== Math.sign(before.to - before.from);
  }).length;
}

/** The run from `fromMs` on: starts and changes; pod-seconds are the whole run's. */
export function afterWarmUp(run: Run, fromMs: number): Run {
  const first = run.startedMs.findIndex((atMs) => atMs >= fromMs);
  const from = first === -1 ? run.startedMs.length : first;
  return {
    ...run,
    waitsMs: run.waitsMs.subarray(from),
    startedMs: run.startedMs.subarray(from),
    changes: run.changes.filter(({ atMs }) => atMs >= fromMs),
  };
}
