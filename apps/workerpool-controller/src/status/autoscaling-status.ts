import { type ScalingSignal, type WorkerPool, type WorkerPoolStatus } from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import { formatFence, type ScalingDecision } from '@redis-queue/scaling-bus';
import type { Contest } from '../deployment/contest.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { Problem } from '../kubernetes/reasons.ts';
import type { BusState } from '../size/bus-state.ts';
import type { Scaling } from '../size/ledger.ts';
import { adviceStatus } from './advice.ts';

export interface AutoscalingInput {
  readonly deployment: Deployment | undefined;
  readonly contest: Contest | undefined;
  /** The newest decision that this process has seen. */
  readonly decision: ScalingDecision | undefined;
  /** Set while the newest decisions are of a major version of the bus that is not understood: why they are dropped. */
  readonly unknownVersion: string | undefined;
  /** Why the size that was decided cannot be written. */
  readonly unapplied?: Problem | undefined;
  readonly scalings: readonly Scaling[];
  readonly bus: BusState;
}

const MAX_LAST = 10;

/** What `status.autoscaling` says. Pure. */
export function autoscalingStatus(pool: WorkerPool, input: AutoscalingInput): WorkerPoolStatus['autoscaling'] {
  const { decision, scalings } = input;
  const before = pool.status?.autoscaling ?? {};
  const changes = scalings.map(({ atMs, from, to, reason }) => ({
    time: timestamp(atMs),
    from,
    to,
    reason: reason.slice(0, 1024),
  }));
  const last = [...changes, ...(before.last ?? [])].slice(0, MAX_LAST);
  const history = { ...(last[0] && { lastScaleTime: last[0].time, last }) };
  if (!pool.spec.autoscaling?.enabled) {
    // The fence stays: it must hold when autoscaling is switched on again.
    const remaining = { ...(before.decision !== undefined && { decision: before.decision }), ...history };
    return Object.keys(remaining).length > 0 ? remaining : undefined;
  }
  if (!decision) return Object.keys({ ...before, ...history }).length > 0 ? { ...before, ...history } : undefined;
  const { heldBy, cooldownUntil } = decision;
  const advice = adviceStatus(pool, decision.advice);
  return {
    desired: decision.desiredReplicas,
    reason: decision.reason,
    ...(heldBy !== undefined && { heldBy }),
    sampledAt: timestamp(decision.sampledAt),
    confidence: Number(decision.confidence.toFixed(2)),
    ...(cooldownUntil !== undefined && { cooldownUntil: timestamp(cooldownUntil) }),
    decision: formatFence(decision),
    signals: decision.signals.map(statusSignal),
    ...(advice && { advice }),
    ...history,
  };
}

/** A signal with no more digits than a person reads. */
function statusSignal(signal: ScalingDecision['signals'][number]): ScalingSignal {
  const shown = {
    queue: signal.queue,
    depth: signal.depth,
    active: signal.active,
    arrivalRate: round(signal.arrivalRate, 2),
    forecastRate: round(signal.forecastRate, 2),
    serviceTimeMs: round(signal.serviceTimeMs, 0),
    waitP50Ms: round(signal.waitP50Ms, 0),
    waitP95Ms: round(signal.waitP95Ms, 0),
    waitP99Ms: round(signal.waitP99Ms, 0),
    oldestAgeMs: round(signal.oldestAgeMs, 0),
    errorRate: round(signal.errorRate, 3),
    wants: signal.wants,
  };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined)) as ScalingSignal;
}

function round(value: number | undefined, digits: number): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(digits));
}
