import type { Decision, PoolAdvice } from '@redis-queue/scaling';
import type { StuckPod } from '@redis-queue/scaling-bus';
import { EXPIRES_AFTER_MS } from './message.ts';

/** What was last published of a pool. */
export interface Published {
  readonly atMs: number;
  readonly decision: Decision;
  readonly generation: number;
  /** The same object for as long as the advice stays the same. */
  readonly advice?: PoolAdvice | undefined;
  /** Likewise. */
  readonly stuckPods?: readonly StuckPod[] | undefined;
  readonly contractLevel?: number | undefined;
  /** Why queues at rest are polled. */
  readonly polled?: string | undefined;
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
  if (next.advice !== undefined && next.advice !== last.advice) return true;
  if (next.stuckPods !== last.stuckPods || next.contractLevel !== last.contractLevel) return true;
  if ((next.polled === undefined) !== (last.polled === undefined)) return true;
  return decision.reason !== reason && atMs - last.atMs >= REFRESH_MS;
}
