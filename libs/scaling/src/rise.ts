/** Arrivals of about a second, of longer the older they are. */
export interface RecentArrivals {
  readonly events: number;
  readonly elapsedMs: number;
}

/** A rate that the last seconds prove to be higher than the average. */
export interface Rise {
  /** Jobs per second; see `DOUBT`. */
  readonly ratePerSecond: number;
  /** For how long they have come so fast. */
  readonly lastedMs: number;
}

const BIN_MS = 900;
/** Bins per length before the older ones are merged, and how far back they go. */
const BINS_PER_LENGTH = 6;
const LONGEST_MS = 300_000;
/** Bins that count no more than the next fullest: jobs added at once fill one or two, and are no flow. */
const CLIPPED = 2;
/**
 * A rise is proved by a likelihood ratio of one to the jobs that come in this time, so that at any rate chance passes
 * for a rise about once a day (the ratio bounds that probability, the truth is some ten times rarer), and at least by
 * e^6.
 */
const FALSE_ALARM_S = 5_400;
const LEAST_PROOF = 6;
/** The least number of jobs that is taken as expected: the first jobs of an idle queue are not yet a flow. */
const LEAST_EXPECTED = 0.5;
/** Standard deviations by which the new rate is taken higher than counted, so that one change of size is enough. */
const DOUBT = 1;
/** More dispersion than this would hide every rise. */
const MOST_DISPERSION = 10;
const NO_BIN: RecentArrivals = { events: 0, elapsedMs: 0 };

/** Adds a sample. Samples closer together than a second share a bin; bins are longer the older they are. */
export function addRecent(recent: readonly RecentArrivals[], events: number, elapsedMs: number): RecentArrivals[] {
  const last = recent.at(-1);
  const bins =
    last !== undefined && last.elapsedMs < BIN_MS
      ? [...recent.slice(0, -1), merged(last, { events, elapsedMs })]
      : [...recent, { events, elapsedMs }];
  return newest(mergedByAge(bins), LONGEST_MS);
}

/**
 * Where more than `BINS_PER_LENGTH` bins have a length, the two oldest of them become one (an exponential histogram).
 */
function mergedByAge(bins: RecentArrivals[]): RecentArrivals[] {
  for (let at = bins.length - 1, lengthMs = 2 * BIN_MS; at > 0; lengthMs *= 2) {
    const newestOfLength = at;
    while (at >= 0 && bins[at]!.elapsedMs < lengthMs) at--;
    if (newestOfLength - at <= BINS_PER_LENGTH) continue;
    bins.splice(at + 1, 2, merged(bins[at + 1]!, bins[at + 2]!));
  }
  return bins;
}

function merged(a: RecentArrivals, b: RecentArrivals): RecentArrivals {
  return { events: a.events + b.events, elapsedMs: a.elapsedMs + b.elapsedMs };
}

function newest(bins: readonly RecentArrivals[], longestMs: number): RecentArrivals[] {
  let elapsedMs = 0;
  const from = bins.findLastIndex((bin) => (elapsedMs += bin.elapsedMs) > longestMs);
  // Silence before the first job proves nothing: a span that reaches into it has the same count and a larger
  // expectation.
  const first = bins.findIndex(({ events }, at) => at > from && (events > 0 || at === bins.length - 1));
  return bins.slice(first);
}

/**
 * The rise that the last seconds prove over an average of `perSecond`: of all spans that end now, the one whose count
 * is the least likely under the average. A generalised likelihood ratio for Poisson counts when the time of the change
 * is not known: n·ln(n/μ) − (n − μ), μ expected (Page, "Continuous inspection schemes", Biometrika 1954; Lorden,
 * "Procedures for reacting to a change in distribution", Annals of Mathematical Statistics 1971). The two fullest bins
 * of a span count no more than its third, and what came since must not contradict it: a rise that is over is none. Runs
 * for every queue with every sample: one pass, nothing allocated.
 *
 * @param dispersion how many times as much as Poisson's the arrivals vary.
 */
export function findRise(recent: readonly RecentArrivals[], perSecond: number, dispersion: number): Rise | undefined {
  const spread = Math.min(MOST_DISPERSION, Math.max(1, dispersion));
  let strongest = proofNeeded(perSecond) * spread;
  let [risen, risenMs] = [0, 0];
  let [events, elapsedMs] = [0, 0];
  let [mostPerMs, most] = [Infinity, Infinity];
  // The fullest bins of the span so far, by rate.
  let [first, second, third] = [NO_BIN, NO_BIN, NO_BIN];
  for (let at = recent.length - 1; at >= 0; at--) {
    const bin = recent[at]!;
    events += bin.events;
    elapsedMs += bin.elapsedMs;
    if (isFuller(bin, first)) [first, second, third] = [bin, first, second];
    else if (isFuller(bin, second)) [second, third] = [bin, second];
    else if (isFuller(bin, third)) third = bin;
    if (recent.length - at <= CLIPPED) continue;
    mostPerMs = Math.min(mostPerMs, upperBound(events) / elapsedMs);
    const level = third.events / Math.max(1, third.elapsedMs);
    const clipped = first.events + second.events - level * (first.elapsedMs + second.elapsedMs);
    const counted = events - clipped;
    const expected = Math.max(LEAST_EXPECTED, (perSecond * elapsedMs) / 1_000);
    if (counted <= expected) continue;
    const proof = counted * Math.log(counted / expected) - (counted - expected);
    if (proof > strongest) [strongest, risen, risenMs, most] = [proof, counted, elapsedMs, mostPerMs];
  }
  if (risenMs === 0) return undefined;
  const perMs = Math.min(most, (risen + DOUBT * Math.sqrt(risen * spread)) / risenMs);
  return perMs * 1_000 > perSecond ? { ratePerSecond: perMs * 1_000, lastedMs: risenMs } : undefined;
}

/** Compares rates; no bin counts as less full than an empty one. */
function isFuller(bin: RecentArrivals, than: RecentArrivals): boolean {
  return than.elapsedMs === 0 || bin.events * than.elapsedMs > than.events * bin.elapsedMs;
}

/** Three standard deviations above a Poisson count (and the 3 of no event at all: the rule of three). */
function upperBound(events: number): number {
  return events + 3 * Math.sqrt(events) + 3;
}

function proofNeeded(perSecond: number): number {
  return Math.max(LEAST_PROOF, Math.log(perSecond * FALSE_ALARM_S));
}
