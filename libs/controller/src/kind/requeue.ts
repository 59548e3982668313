import { findCondition, type Condition } from '../objects/conditions.ts';

const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/**
 * When to reconcile an object with a problem again, in ms: about as long as the problem has lasted, between 1 s and 60
 * s, spread by ± 10 %. The condition remembers since when, so that a restart of the controller does not start over.
 *
 * @param random in [0, 1)
 */
export function retryAfterMs(conditions: readonly Condition[] | undefined, now: Date, random: number): number {
  const ready = findCondition(conditions, 'Ready');
  const lastedMs = ready?.status === 'False' ? now.getTime() - Date.parse(ready.lastTransitionTime) : 0;
  return spreadMs(Math.min(Math.max(lastedMs, MIN_RETRY_MS), MAX_RETRY_MS), random);
}

/**
 * `ms` ± 10 %, so that objects that were created together are not reconciled together for ever. @param random in [0, 1)
 */
export function spreadMs(ms: number, random: number): number {
  return Math.round(ms * (0.9 + 0.2 * random));
}

/** The shortest of these waits; undefined when nothing is waited for. */
export function soonestMs(waits: readonly (number | undefined)[]): number | undefined {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length > 0 ? Math.max(0, Math.min(...known)) : undefined;
}
