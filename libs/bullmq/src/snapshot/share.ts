import { LATE_SHARE } from '../redis/pace.ts';

/** As much is used by replies alone, on a Redis that does nothing else. */
const NOT_BUSY = 0.3;
/** From here on workers get less done for each ms that somebody else takes. */
const SATURATED = 0.7;
/** Of a Redis that does not say how busy it is. */
const UNKNOWN_SHARE = 0.3;

/**
 * The share of a Redis' time that reading may take, while others use that share of it (0 to 1); undefined: not known.
 * All of it on an idle one; on a busy one as little as removals that are late.
 */
export function shareWhileOthersUse(others: number | undefined): number {
  if (others === undefined) return UNKNOWN_SHARE;
  const busy = (others - NOT_BUSY) / (SATURATED - NOT_BUSY);
  return Math.min(1, Math.max(LATE_SHARE, 1 - busy * (1 - LATE_SHARE)));
}
