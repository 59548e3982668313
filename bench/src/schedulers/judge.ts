/** A run of a scheduler's job, as a worker saw it. */
export interface Run {
  readonly scheduler: string;
  /** The time for which the job was made, Unix ms. */
  readonly slotMs: number;
  /** When a worker began it. */
  readonly startedMs: number;
}

export interface Verdict {
  /** Slots in which every scheduler should have run. */
  readonly slots: number;
  /** Runs of a slot beside the first, and runs for no slot. */
  readonly doubledRuns: number;
  /** Slots without a run. */
  readonly missedRuns: number;
  /** Slots without a run because the workers came to the run before it only later: BullMQ leaves them out. */
  readonly leftOutByWorkers: number;
  /** How late the latest run began. */
  readonly latestMs: number;
}

/** @param periods of each scheduler, which runs at their multiples. */
export function judge(
  runs: readonly Run[],
  periods: ReadonlyMap<string, number>,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Verdict {
  let [slots, doubledRuns, missedRuns, leftOutByWorkers] = [0, 0, 0, 0];
  for (const [scheduler, periodMs] of periods) {
    const own = runs.filter((run) => run.scheduler === scheduler).toSorted((a, b) => a.slotMs - b.slotMs);
    const ran = new Set(own.map(({ slotMs }) => slotMs));
    doubledRuns += own.length - ran.size + [...ran].filter((slotMs) => slotMs % periodMs !== 0).length;
    for (let slotMs = Math.ceil(fromMs / periodMs) * periodMs; slotMs <= toMs; slotMs += periodMs) {
      slots++;
      if (ran.has(slotMs)) continue;
      const before = own.findLast((run) => run.slotMs < slotMs);
      if (before && before.startedMs >= slotMs) leftOutByWorkers++;
      else missedRuns++;
    }
  }
  const latestMs = Math.max(0, ...runs.map(({ slotMs, startedMs }) => startedMs - slotMs));
  return { slots, doubledRuns, missedRuns, leftOutByWorkers, latestMs };
}
