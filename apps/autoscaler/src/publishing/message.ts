import type { Decision, PoolAdvice } from '@redis-queue/scaling';
import { SCHEMA_VERSION, type ScalingDecision } from '@redis-queue/scaling-bus';
import type { BusyPods } from './busy-pods.ts';
import type { ScaledPool } from '../watching/topology.ts';

/** A decision that nobody acted on by then is not to be acted on any more. */
export const EXPIRES_AFTER_MS = 15_000;
const MOST_SIGNALS = 32;
const LONGEST_REASON = 2_048;

export interface Stamp {
  readonly epoch: number;
  readonly sequence: number;
  /** The bus's Redis time at which the newest data of the decision was read. */
  readonly sampledAt: number;
  /** The bus's Redis time now. */
  readonly busNowMs: number;
}

/** What is to be told of a pool. */
export interface Outgoing {
  readonly pool: ScaledPool;
  readonly currentReplicas: number;
  readonly decision: Decision;
  /** When the pool shrinks; undefined when it is not known. */
  readonly busy?: BusyPods | undefined;
  readonly advice?: PoolAdvice | undefined;
}

/** The decision as the bus carries it; times in the bus's Redis time. */
export function decisionMessage(
  { pool, currentReplicas, decision, busy, advice }: Outgoing,
  nowMs: number,
  stamp: Stamp,
): ScalingDecision {
  const { cooldownUntilMs } = decision;
  return {
    schemaVersion: SCHEMA_VERSION,
    pool: { namespace: pool.namespace, name: pool.name, uid: pool.uid, generation: pool.generation },
    epoch: stamp.epoch,
    sequence: stamp.sequence,
    sampledAt: Math.round(stamp.sampledAt),
    expiresAt: Math.round(stamp.busNowMs + EXPIRES_AFTER_MS),
    currentReplicas,
    desiredReplicas: decision.desired,
    reason: decision.reason.slice(0, LONGEST_REASON),
    ...(decision.heldBy !== undefined && { heldBy: decision.heldBy }),
    signals: decision.signals.slice(0, MOST_SIGNALS),
    confidence: decision.confidence,
    ...(cooldownUntilMs !== undefined && { cooldownUntil: Math.round(stamp.busNowMs + cooldownUntilMs - nowMs) }),
    safetyLimitHit: decision.safetyLimitHit,
    ...(busy !== undefined && { busy }),
    ...(advice !== undefined && { advice: busAdvice(advice) }),
  };
}

function busAdvice({ sinceMs, resources, ...advice }: PoolAdvice): NonNullable<ScalingDecision['advice']> {
  return { ...advice, since: Math.max(0, Math.round(sinceMs)), ...(resources && { resources: { ...resources } }) };
}

/** What was last published of a pool. */
export interface Published {
  readonly atMs: number;
  readonly decision: Decision;
  readonly generation: number;
  /** The same object for as long as nothing else is to be said. */
  readonly advice?: PoolAdvice | undefined;
}

/** How often a decision that changes nothing is told again for the numbers in it. */
const REFRESH_MS = 60_000;
/** How often a decision that is not followed yet is repeated. A little under a tick, so that a tick is never skipped. */
const REPEAT_MS = 900;
/**
 * The same while the consumer is behind: the decision is not lost but waits, and repeating a thousand of them each second
 * would only put it further behind. Half of the time for which a decision is valid.
 */
const REPEAT_BEHIND_MS = EXPIRES_AFTER_MS / 2;

/**
 * Whether a decision is to be published: the size shall change (again each tick until it has), or what people read changed.
 * So a pool that rests costs nothing, and a lost message costs a tick.
 *
 * @param behind the consumer has not yet got to what was published.
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
  return decision.reason !== reason && atMs - last.atMs >= REFRESH_MS;
}
