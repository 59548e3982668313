/** Arrivals of about a second. */
export interface RecentArrivals {
  readonly events: number;
  readonly elapsedMs: number;
}

const BIN_MS = 900;
const LONGEST_MS = 12_000;
/** Bins left out of a rate, the fullest ones: a burst of jobs added at once fills one or two and is no flow. */
const LEFT_OUT = 2;
/** Fewer bins after that are too few. */
const LEAST_BINS = 2;
/** Standard deviations by which a rate is taken lower, so that chance does not pass for a rise (one in a thousand). */
const DOUBT = 3;

/** Adds a look; looks closer together than a second share a bin. */
export function addRecent(recent: readonly RecentArrivals[], events: number, elapsedMs: number): RecentArrivals[] {
  const last = recent.at(-1);
  const merged =
    last !== undefined && last.elapsedMs < BIN_MS
      ? [...recent.slice(0, -1), { events: last.events + events, elapsedMs: last.elapsedMs + elapsedMs }]
      : [...recent, { events, elapsedMs }];
  return newest(merged, LONGEST_MS);
}

/**
 * The flow, jobs a second, that the last seconds prove: over the last 4, 5, … bins the lower confidence bound of a Poisson rate,
 * (n − 3·√n) / t, without the two fullest bins; the largest of them. In steady load it is below the true rate, and a few seconds
 * after a rise it is near the new one, long before an average is.
 */
export function risenRate(recent: readonly RecentArrivals[]): number {
  let best = 0;
  for (let bins = LEFT_OUT + LEAST_BINS; bins <= recent.length; bins++) {
    const kept = recent
      .slice(-bins)
      .toSorted((a, b) => a.events - b.events)
      .slice(0, -LEFT_OUT);
    const events = kept.reduce((sum, bin) => sum + bin.events, 0);
    const elapsedMs = kept.reduce((sum, bin) => sum + bin.elapsedMs, 0);
    best = Math.max(best, ((events - DOUBT * Math.sqrt(events)) * 1_000) / elapsedMs);
  }
  return best;
}

function newest(bins: readonly RecentArrivals[], longestMs: number): RecentArrivals[] {
  let elapsedMs = 0;
  const from = bins.findLastIndex((bin) => (elapsedMs += bin.elapsedMs) > longestMs);
  return bins.slice(from + 1);
}
