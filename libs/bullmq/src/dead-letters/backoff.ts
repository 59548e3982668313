/** The `backoff` of a job's options, as BullMQ stores it. */
export interface Backoff {
  readonly type: string;
  /** ms */
  readonly delay?: number;
  /** Share of the delay, 0..1, by which it may be shorter. */
  readonly jitter?: number;
}

/** Of a strategy that only the job's workers know, and that has no delay of its own. */
const UNKNOWN_STRATEGY: Backoff = { type: 'exponential', delay: 1_000 };
/** Nobody waits longer; and what a date can hold is not left. */
const LONGEST_MS = 365 * 24 * 3_600_000;

/**
 * How long BullMQ would wait before the next run of a job that ran `runs` times: `fixed` and `exponential` with their
 * jitter, no time without a backoff. A strategy of the user's own is code of the workers and cannot be called: its delay
 * is taken as fixed, and without one it is exponential from a second.
 *
 * @param chance 0..1, where BullMQ draws a random number; the same one for the same failure, so that every look at it
 * comes to the same time.
 */
export function backoffMs(backoff: Backoff | undefined, runs: number, chance: number): number {
  if (backoff === undefined) return 0;
  const known = ['fixed', 'exponential'].includes(backoff.type);
  const { type, delay = 0, jitter = 0 } = known || backoff.delay !== undefined ? backoff : UNKNOWN_STRATEGY;
  const longest = type === 'exponential' ? Math.round(2 ** (runs - 1) * delay) : delay;
  const share = Math.min(Math.max(jitter, 0), 1);
  const drawn = share > 0 ? Math.floor(chance * longest * share + longest * (1 - share)) : longest;
  return Math.min(Math.max(drawn, 0), LONGEST_MS) || 0;
}

/** A number 0..1 that depends on the text alone (FNV-1a). */
export function chanceOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
