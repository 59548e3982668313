import type { Instant } from '../model/types.ts';
import { NO_BURSTS, watchBursts, type Burst, type BurstWatch } from './bursts.ts';

/** How many bursts at regular intervals it takes for the next one to be expected. */
const LEAST_BURSTS = 4;
/** Schedules faster than this look like a flow, and their pods stay anyway. */
const SHORTEST_PERIOD_MS = 20_000;
/** How far from its time a burst may come: the larger of a time and a part of the period. */
const TOLERANCE_MS = 2_000;
const TOLERANCE_SHARE = 0.01;
/** Share of the past hits and misses that is retained with each new one. */
const RETAINED = 0.9;
/**
 * Jobs that finish later than this after a burst began are not counted as its jobs: for jobs that long a late start
 * does not matter.
 */
const JUDGED_FOR_MS = 120_000;
/** Share of the past lateness counts that is retained with each new burst. */
const LATENESS_RETAINED = 0.75;
/** Part of a burst's jobs that may wait beyond the target. */
const MAY_BE_LATE = 0.05;
/** Fewer late jobs are no evidence of lateness. */
const LEAST_LATE = 10;

/** A burst that is expected because others came at regular intervals before it. */
export interface ExpectedBurst extends Burst {
  readonly periodMs: number;
}

export interface Recurrence {
  readonly watch: BurstWatch;
  readonly expected: readonly ExpectedBurst[];
  /** Decaying counts of expected bursts that came and that did not. */
  readonly hits: number;
  readonly misses: number;
  /**
   * First attempts that have finished soon after a burst, and those of them that had waited beyond the target; those of
   * the last few bursts weigh most.
   */
  readonly finished: number;
  readonly late: number;
  /**
   * Bursts were late: pods that are asked for when a burst comes are too late for it. True for as long as the schedule
   * goes on.
   */
  readonly needed: boolean;
}

export const NO_RECURRENCE: Recurrence = {
  watch: NO_BURSTS,
  expected: [],
  hits: 0,
  misses: 0,
  finished: 0,
  late: 0,
  needed: false,
};

export interface ArrivedJobs {
  readonly events: number;
  readonly elapsedMs: number;
  /** Jobs per second, as it was before this sample. */
  readonly usualRate: number;
  /** Waits of first attempts that have finished since the sample before, ms. */
  readonly waitsMs: readonly number[];
}

/**
 * Learns bursts that come at regular intervals, as a cron job or a nightly import adds them: timers are the most
 * regular of all triggers (Shahrad et al., "Serverless in the Wild", ATC 2020, who warm functions up by the histogram
 * of their idle times).
 */
export function observeRecurrence(
  before: Recurrence,
  arrived: ArrivedJobs,
  waitTargetMs: number,
  nowMs: Instant,
): Recurrence {
  const watch = watchBursts(before.watch, arrived, nowMs);
  if (watch === before.watch && before.expected.length === 0 && arrived.waitsMs.length === 0) return before;
  const began = watch.inBurst && !before.watch.inBurst;
  const ended = before.watch.inBurst && !watch.inBurst; // Only now is it known how many jobs it had.
  const judged = began ? meet(before, watch.bursts.at(-1)!) : before;
  const missed = judged.expected.filter((burst) => nowMs > burst.atMs + toleranceMs(burst.periodMs));
  const expected =
    began || ended
      ? expectBursts(watch.bursts).filter(({ atMs }) => atMs > nowMs)
      : judged.expected.filter((burst) => !missed.includes(burst));
  const retained = began ? LATENESS_RETAINED : 1;
  const waitsMs = nowMs - (watch.bursts.at(-1)?.atMs ?? -Infinity) <= JUDGED_FOR_MS ? arrived.waitsMs : [];
  const finished = before.finished * retained + waitsMs.length;
  const late = before.late * retained + waitsMs.filter((ms) => ms > waitTargetMs).length;
  const wasLate = late >= LEAST_LATE && late > MAY_BE_LATE * finished;
  return {
    watch,
    expected,
    hits: judged.hits * RETAINED ** missed.length,
    misses: missed.reduce((misses) => misses * RETAINED + 1, judged.misses),
    finished,
    late,
    needed: (before.needed || wasLate) && expected.length > 0,
  };
}

/**
 * Counts a burst that had been expected as a hit; one that had not is no miss, for other schedules may go on beside it.
 */
function meet(recurrence: Recurrence, burst: Burst): Recurrence {
  const met = recurrence.expected.filter(({ atMs, periodMs }) => Math.abs(atMs - burst.atMs) <= toleranceMs(periodMs));
  if (met.length === 0) return recurrence;
  return {
    ...recurrence,
    expected: recurrence.expected.filter((expected) => !met.includes(expected)),
    hits: recurrence.hits * RETAINED + 1,
    misses: recurrence.misses * RETAINED,
  };
}

/**
 * The next burst of each series of `LEAST_BURSTS` at regular intervals, the last of which is any of those remembered.
 */
export function expectBursts(bursts: readonly Burst[]): ExpectedBurst[] {
  const newestMs = bursts.at(-1)?.atMs ?? 0;
  const expected: ExpectedBurst[] = [];
  for (let last = bursts.length - 1; last > 0; last--) {
    for (let before = last - 1; before >= 0; before--) {
      const series = evenSeries(bursts, last, before);
      if (series === undefined) continue;
      const periodMs = (series[0]!.atMs - series.at(-1)!.atMs) / (series.length - 1);
      const tolerance = toleranceMs(periodMs);
      // One burst may have failed to come, or been too small to be noticed, and the one after it come as usual: the
      // schedule goes on.
      const atMs = [1, 2, 3].map((n) => series[0]!.atMs + n * periodMs).find((ms) => ms > newestMs + tolerance);
      if (atMs !== undefined && !expected.some((burst) => Math.abs(burst.atMs - atMs) <= 2 * tolerance)) {
        const mean = (of: (burst: Burst) => number): number =>
          series.reduce((sum, burst) => sum + of(burst), 0) / series.length;
        expected.push({ atMs, periodMs, jobs: mean(({ jobs }) => jobs), lastsMs: mean(({ lastsMs }) => lastsMs) });
      }
      break; // A longer interval to the same last burst is mostly a multiple of this one.
    }
  }
  return expected;
}

/**
 * `LEAST_BURSTS` bursts at regular intervals, newest first, the two newest being given; undefined when there are not as
 * many.
 */
function evenSeries(bursts: readonly Burst[], last: number, before: number): Burst[] | undefined {
  const series = [bursts[last]!, bursts[before]!];
  const periodMs = series[0]!.atMs - series[1]!.atMs;
  if (periodMs < SHORTEST_PERIOD_MS) return undefined;
  while (series.length < LEAST_BURSTS) {
    const dueMs = series.at(-1)!.atMs - periodMs;
    const found = bursts.find(({ atMs }) => Math.abs(atMs - dueMs) <= toleranceMs(periodMs));
    if (found === undefined) return undefined;
    series.push(found);
  }
  return series;
}

function toleranceMs(periodMs: number): number {
  return Math.max(TOLERANCE_MS, TOLERANCE_SHARE * periodMs);
}

/** The part of expected bursts that came, as if one more had not: 0 before the first came. */
export function regularity({ hits, misses }: Recurrence): number {
  return hits / (hits + misses + 1);
}

/**
 * The next expected burst; undefined when none is, or when pods that were asked for when the last one came were in
 * time.
 */
export function nextBurst(
  recurrence: Recurrence,
  nowMs: Instant,
): (ExpectedBurst & { confidence: number }) | undefined {
  if (!recurrence.needed) return undefined;
  const coming = recurrence.expected.filter(({ atMs, periodMs }) => nowMs <= atMs + toleranceMs(periodMs));
  const next = coming.toSorted((a, b) => a.atMs - b.atMs)[0];
  return next && { ...next, confidence: regularity(recurrence) };
}
