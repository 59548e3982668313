import type { Decision } from '@redis-queue/scaling';
import { EXPIRES_AFTER_MS } from './message.ts';
import { isNewsOf, type PoolFacts } from './pool-facts.ts';

/** What was last published of a pool. */
export interface Published extends PoolFacts {
  readonly atMs: number;
  readonly decision: Decision;
  readonly generation: number;
}

/** How often a decision that changes nothing is published again for the numbers in it. */
const REFRESH_MS = 60_000;
/**
 * How often a decision that is not followed yet is repeated. A little under a tick, so that a tick is never skipped.
 */
const REPEAT_MS = 900;
/**
 * The same while the consumer is behind: the decision is not lost but waits, and repeating a thousand of them every
 * second would only put the consumer further behind. Half of the time for which a decision is valid.
 */
const REPEAT_BEHIND_MS = EXPIRES_AFTER_MS / 2;

/**
 * Whether a decision is to be published: when the size has to change (again every tick until it has), or when what
 * people read changed. A pool at rest costs nothing, and a lost message costs a tick. Pure.
 *
 * @param behind whether the consumer has yet to handle what was published before.
 */
export function isWorthPublishing(
  last: Published | undefined,
  next: Published,
  currentReplicas: number,
  behind: boolean,
): boolean {
  if (last === undefined) return true;
  const { decision, generation, atMs } = next;
  const { desired, heldBy, safetyLimitHit, reason } = last.decision;
  if (decision.desired !== desired) return true;
  if (decision.desired !== currentReplicas) return atMs - last.atMs >= (behind ? REPEAT_BEHIND_MS : REPEAT_MS);
  if (decision.heldBy !== heldBy || decision.safetyLimitHit !== safetyLimitHit || generation !== last.generation)
    return true;
  if (isNewsOf(next, last) || notConsumed(decision) !== notConsumed(last.decision)) return true;
  return decision.reason !== reason && atMs - last.atMs >= REFRESH_MS;
}

/** The queues that nobody consumes, as one text. */
function notConsumed({ signals }: Decision): string {
  return signals.flatMap(({ queue, notConsumedMs }) => (notConsumedMs === undefined ? [] : [queue])).join();
}
