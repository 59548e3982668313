import type { Scheduler, Workload } from './workload.ts';

/** Schedulers that the sampler looks at; see `furtherRuns` in sample-queues.lua. */
const MOST_LOOKED_AT = 10;

/**
 * Runs of job schedulers that are due within `ms` beyond the next run of each, which is a delayed job, as the sampler
 * counts them: of the ten that are due first, and of those with a cron pattern none.
 */
export function furtherRuns(schedulers: readonly Scheduler[], nowMs: number, ms: number): number {
  const soonMs = nowMs + ms;
  const due = schedulers
    .map(({ firstMs, everyMs, cron }) => {
      const nextMs = firstMs + Math.max(0, Math.ceil((nowMs - firstMs) / everyMs)) * everyMs;
      return { nextMs, everyMs, cron };
    })
    .filter(({ nextMs }) => nextMs <= soonMs)
    .toSorted((a, b) => a.nextMs - b.nextMs)
    .slice(0, MOST_LOOKED_AT);
  return due.reduce(
    (runs, { nextMs, everyMs, cron }) => runs + (cron ? 0 : Math.floor((soonMs - nextMs) / everyMs)),
    0,
  );
}

/**
 * When job schedulers add their runs: each keeps one delayed job, the next run, which is added when the one before it
 * starts; here as soon as that is due.
 */
export function schedulerRuns(
  schedulers: readonly Scheduler[],
  durationMs: number,
): Pick<Workload, 'schedulers' | 'addedMs'> & { readonly delayMs: Float64Array } {
  const runs = schedulers.flatMap(({ firstMs, everyMs }) =>
    Array.from({ length: Math.max(0, Math.ceil((durationMs - firstMs) / everyMs)) }, (_, run) => {
      const dueMs = firstMs + run * everyMs;
      const addedMs = run === 0 ? 0 : dueMs - everyMs;
      return { addedMs, delayMs: dueMs - addedMs };
    }),
  );
  runs.sort((a, b) => a.addedMs - b.addedMs || a.delayMs - b.delayMs);
  return {
    schedulers,
    addedMs: Float64Array.from(runs, ({ addedMs }) => addedMs),
    delayMs: Float64Array.from(runs, ({ delayMs }) => delayMs),
  };
}
