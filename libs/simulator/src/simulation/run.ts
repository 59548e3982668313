import type { Level } from './fleet.ts';
import type { Change } from './pool.ts';

/** What happened. Starts count each attempt of a job; times are ms. */
export interface Run {
  readonly scaler: string;
  /** Jobs that came; adds that deduplication refused are none. */
  readonly jobs: number;
  readonly completed: number;
  /** Of each start, in the order of the starts. */
  readonly waitsMs: Float64Array;
  readonly startedMs: Float64Array;
  /** Which job each start was of; only where not every add brings a job that starts when it is due. */
  readonly startedJobs?: Uint32Array;
  /** Attempts still in line when the run was given up. */
  readonly neverStarted: number;
  /** Within the workload's duration, starting and draining pods included. */
  readonly podSeconds: number;
  /** Slot·ms within the duration in which jobs ran whose run was not thrown away. */
  readonly usefulMs: number;
  /** Work of jobs that have to run again: their pod's drain was over, or their pod was taken away. */
  readonly discardedMs: number;
  readonly lostMs: number;
  readonly changes: readonly Change[];
  /** Ready pods over time. */
  readonly supply: readonly Level[];
}

/** What a run adds up while it lasts. */
export class Ledger {
  readonly #durationMs: number;
  readonly #waits: number[] = [];
  readonly #starts: number[] = [];
  readonly #jobs: number[] | undefined;
  usefulMs = 0;
  discardedMs = 0;
  lostMs = 0;

  constructor(durationMs: number, withJobs: boolean) {
    this.#durationMs = durationMs;
    this.#jobs = withJobs ? [] : undefined;
  }

  started(job: number, waitMs: number, nowMs: number): void {
    this.#waits.push(waitMs);
    this.#starts.push(nowMs);
    this.#jobs?.push(job);
  }

  worked(fromMs: number, toMs: number): void {
    this.usefulMs += Math.max(0, Math.min(toMs, this.#durationMs) - fromMs);
  }

  get totals(): Pick<Run, 'waitsMs' | 'startedMs' | 'startedJobs' | 'usefulMs' | 'discardedMs' | 'lostMs'> {
    return {
      waitsMs: Float64Array.from(this.#waits),
      startedMs: Float64Array.from(this.#starts),
      ...(this.#jobs && { startedJobs: Uint32Array.from(this.#jobs) }),
      usefulMs: this.usefulMs,
      discardedMs: this.discardedMs,
      lostMs: this.lostMs,
    };
  }
}

/** The levels of several pools together. */
export function summedLevels(supplies: readonly (readonly Level[])[]): readonly Level[] {
  if (supplies.length === 1) return supplies[0]!;
  const levels = supplies.map(() => 0);
  const steps = supplies.flatMap((supply, pool) => supply.map(({ atMs, pods }) => ({ atMs, pods, pool })));
  return steps
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, pods, pool }) => {
      levels[pool] = pods;
      return { atMs, pods: levels.reduce((sum, level) => sum + level, 0) };
    });
}
