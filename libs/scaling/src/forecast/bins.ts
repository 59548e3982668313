import { BIN_MS } from './method.ts';

/** Arrivals of the bin that is being filled. */
export interface OpenBin {
  readonly events: number;
  readonly elapsedMs: number;
}

export const EMPTY_BIN: OpenBin = { events: 0, elapsedMs: 0 };
/** After a longer time than this, a sample says nothing about when in it the jobs came. */
const LONGEST_GAP_BINS = 12;

/**
 * Adds what came between two samples, spread evenly over the time between them, and returns the rates (jobs per second)
 * of the bins that are full now, oldest first. Of a gap longer than a minute, only the last minute is returned.
 */
export function fillBins(open: OpenBin, events: number, elapsedMs: number): { full: number[]; open: OpenBin } {
  const wholeMs = open.elapsedMs + elapsedMs;
  if (wholeMs < BIN_MS) return { full: [], open: { events: open.events + events, elapsedMs: wholeMs } };
  const perMs = events / elapsedMs;
  const first = open.events + perMs * (BIN_MS - open.elapsedMs);
  const more = Math.floor((wholeMs - BIN_MS) / BIN_MS);
  const rates = [(first * 1_000) / BIN_MS, ...Array<number>(Math.min(more, LONGEST_GAP_BINS)).fill(perMs * 1_000)];
  const restMs = wholeMs - BIN_MS * (1 + more);
  return { full: rates.slice(-LONGEST_GAP_BINS), open: { events: perMs * restMs, elapsedMs: restMs } };
}
