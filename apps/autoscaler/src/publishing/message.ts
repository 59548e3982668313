import type { Decision, PoolAdvice } from '@redis-queue/scaling';
import { SCHEMA_VERSION, type ScalingDecision } from '@redis-queue/scaling-bus';
import type { ScaledPool } from '../watching/topology.ts';
import type { BusyPods } from './busy-pods.ts';
import type { PoolFacts } from './pool-facts.ts';

/** How long a decision is valid: one that nobody acted on by then must not be acted on any more. */
export const EXPIRES_AFTER_MS = 15_000;
const MOST_SIGNALS = 32;
const LONGEST_REASON = 2_048;
const LONGEST_POLLED = 1_024;

export interface Stamp {
  readonly epoch: number;
  readonly sequence: number;
  /** The bus's Redis time at which the newest data of the decision was read. */
  readonly sampledAt: number;
  /** The bus's Redis time now. */
  readonly busNowMs: number;
}

/** What is published about a pool. */
export interface Outgoing extends PoolFacts {
  readonly pool: ScaledPool;
  readonly currentReplicas: number;
  readonly decision: Decision;
  /** Only when the pool shrinks; undefined when it is not known. */
  readonly busy?: BusyPods | undefined;
}

/** The decision as the bus carries it; times in the bus's Redis time. */
export function decisionMessage(
  { pool, currentReplicas, decision, busy, advice, stuckPods, contractLevel, polled, clients }: Outgoing,
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
    ...(busy !== undefined && busyFields(busy)),
    ...(advice !== undefined && { advice: busAdvice(advice) }),
    ...(contractLevel !== undefined && { contractLevel }),
    ...(stuckPods !== undefined && { stuckHandlers: [...stuckPods] }),
    ...(polled !== undefined && { polled: polled.slice(0, LONGEST_POLLED) }),
    ...(clients !== undefined && { clients }),
  };
}

function busyFields(busy: BusyPods): Pick<ScalingDecision, 'busy' | 'busySeconds'> {
  const pods = Object.entries(busy);
  return {
    busy: Object.fromEntries(pods.map(([pod, { jobs }]) => [pod, jobs])),
    busySeconds: Object.fromEntries(pods.map(([pod, { runMs }]) => [pod, Math.round(runMs / 1_000)])),
  };
}

function busAdvice({ sinceMs, resources, ...advice }: PoolAdvice): NonNullable<ScalingDecision['advice']> {
  return { ...advice, since: Math.max(0, Math.round(sinceMs)), ...(resources && { resources: { ...resources } }) };
}
