import type { Workload } from '../loads/workload.ts';
import { fixedFleet } from '../rivals/fixed-fleet.ts';
import type { Run } from '../simulation/run.ts';
import { simulate } from '../simulation/simulate.ts';

const KNOWN = new WeakMap<Workload, Run>();

/** Whether it is the run that decides when jobs may start, or which adds bring one, and not the workload alone. */
export function dependsOnRun({ limits, deduplication }: Workload): boolean {
  return limits !== undefined || deduplication !== undefined;
}

/** Slots without end that are there from the beginning: each job starts as soon as its queue lets it. */
export function idealRun(workload: Workload): Run {
  const known = KNOWN.get(workload);
  if (known !== undefined) return known;
  const endless = { concurrency: Infinity, maxReplicas: 1, podStartMs: () => 0, seed: 1 };
  const run = simulate(workload, fixedFleet(1), endless);
  KNOWN.set(workload, run);
  return run;
}

/** Starts within the workload's duration. */
export function startedInTime({ startedMs }: Run, { durationMs }: Workload): number {
  return startedMs.reduce((count, atMs) => count + (atMs <= durationMs ? 1 : 0), 0);
}

/**
 * The same jobs, added when they were due: no delay, no scheduler, and of adds with a deduplication id only those that
 * brought a job in `run`.
 */
export function addedWhenDue(workload: Workload, { startedJobs, startedMs, waitsMs }: Run): Workload {
  const { name, durationMs, addedMs, serviceMs, delayMs } = workload;
  const due = startedJobs
    ? Array.from(startedJobs, (job, start) => ({ job, atMs: startedMs[start]! - waitsMs[start]! }))
    : Array.from(addedMs, (atMs, job) => ({ job, atMs: atMs + (delayMs?.[job] ?? 0) }));
  due.sort((a, b) => a.atMs - b.atMs);
  return {
    name: `${name}, added when due`,
    durationMs,
    addedMs: Float64Array.from(due, ({ atMs }) => atMs),
    serviceMs: Float64Array.from(due, ({ job }) => serviceMs[job]!),
  };
}
