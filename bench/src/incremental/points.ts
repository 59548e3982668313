/** A point that somebody could restore from then on; Unix ms. */
export interface SeenPoint {
  /** Its time: what was changed before is in it. */
  readonly timeMs: number;
  /** When its status said so. */
  readonly seenMs: number;
}

/**
 * For how long changes were in no finished point, one change each `stepMs` from `fromMs` to `toMs`: had everything been
 * lost at the worst moment, that much would be. Changes that are in none yet count until `toMs`.
 */
export function exposures(
  points: readonly SeenPoint[],
  { fromMs, toMs, stepMs }: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): number[] {
  const all: number[] = [];
  for (let atMs = fromMs; atMs < toMs; atMs += stepMs) {
    const holders = points.filter(({ timeMs }) => timeMs > atMs).map(({ seenMs }) => seenMs);
    all.push(Math.min(toMs, ...holders) - atMs);
  }
  return all;
}
