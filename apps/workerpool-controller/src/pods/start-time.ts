/** Of each pool the last starts count. */
const REMEMBERED = 10;
/** While there are fewer, what was published stands in for those that are missing. */
const FEW = 5;
/** What the autoscaler takes for a start time at all. */
const LEAST_SECONDS = 1;
const MOST_SECONDS = 3_600;
/** What moved by less than either of these is not reported: the times that it comes from are whole seconds. */
const NOTABLE_SECONDS = 2;
const NOTABLE_PART = 0.2;

/**
 * How long a pool's pods take to start, in whole seconds: the second longest of the last starts, so that nine of ten do
 * not exceed it and no single pod decides it. Pure.
 *
 * @param lastMs the last starts
 * @param published what the status says; it stays until it is clearly wrong
 * @returns undefined when nothing is known
 */
export function startSeconds(lastMs: readonly number[], published: number | undefined): number | undefined {
  const starts = lastMs.map((ms) => Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, Math.round(ms / 1_000))));
  const missing = published === undefined ? 0 : Math.max(0, FEW - starts.length);
  const all = [...starts, ...Array<number>(missing).fill(published ?? 0)].toSorted((a, b) => a - b);
  const seconds = all.at(-2) ?? all[0];
  return seconds === undefined || (published !== undefined && !isNotable(published, seconds)) ? published : seconds;
}

function isNotable(before: number, now: number): boolean {
  return Math.abs(now - before) >= Math.max(NOTABLE_SECONDS, NOTABLE_PART * before);
}

/** The last starts of each pool, by its uid. Lost with the process: what the status says stands in for them. */
export class PodStarts {
  readonly #lastMs = new Map<string, readonly number[]>();

  /** A pod of the pool has started. */
  record(uid: string, startMs: number): void {
    this.#lastMs.set(uid, [...(this.#lastMs.get(uid) ?? []), startMs].slice(-REMEMBERED));
  }

  /** How long its pods take to start; see `startSeconds`. */
  seconds(uid: string, published: number | undefined): number | undefined {
    return startSeconds(this.#lastMs.get(uid) ?? [], published);
  }

  forget(uid: string): void {
    this.#lastMs.delete(uid);
  }
}
