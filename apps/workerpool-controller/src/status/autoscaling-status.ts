import { type ScalingSignal, type WorkerPool, type WorkerPoolStatus } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { formatFence, type ScalingDecision } from '@redis-queue/scaling-bus';
import type { Scaling } from '../size/ledger.ts';
import type { Contest } from '../size/replicas.ts';
import { PoolCondition, type Problem } from '../reasons.ts';
import type { Deployment } from '../resources.ts';
import { hadDecision } from '../size/size.ts';

export interface AutoscalingInput {
  readonly deployment: Deployment | undefined;
  readonly contest: Contest | undefined;
  /** The newest decision that this process has seen. */
  readonly decision: ScalingDecision | undefined;
  /** Set while the newest decisions are of a major version of the bus that is not understood: why they are dropped. */
  readonly unknownVersion: string | undefined;
  readonly scalings: readonly Scaling[];
  readonly busConfigured: boolean;
}

const MAX_LAST = 10;

/** What the condition ScalingActive says. Pure. */
export function scalingState(pool: WorkerPool, input: AutoscalingInput): Problem {
  const { autoscaling } = pool.spec;
  const { contest, decision } = input;
  if (contest) {
    const until =
      contest.untilMs === undefined ? 'for as long as it declares them' : `until ${isoTime(contest.untilMs)}`;
    return {
      reason: 'ReplicasContested',
      message: `The Deployment's replicas are written by ${contest.manager}; left alone ${until}. Remove the other writer.`,
    };
  }
  if (!autoscaling?.enabled) return { reason: 'Disabled', message: 'Autoscaling is off: spec.replicas rules.' };
  const unknown = input.unknownVersion ?? (decision ? undefined : toldUnknownVersion(pool));
  if (unknown !== undefined) return { reason: 'UnknownDecisionVersion', message: unknown };
  const heldBy = decision ? decision.heldBy : pool.status?.autoscaling?.heldBy;
  if (heldBy) return { reason: 'Held', message: `The autoscaler keeps the size: ${heldBy}.` };
  if (decision ?? pool.status?.autoscaling?.decision) {
    const bounds = `between ${autoscaling.minReplicas} and ${autoscaling.maxReplicas}`;
    return { reason: 'Decided', message: `The autoscaler sizes the pool ${bounds}; status.autoscaling tells why.` };
  }
  return { reason: 'WaitingForDecision', message: waitingMessage(pool, input) };
}

function waitingMessage(pool: WorkerPool, { busConfigured, deployment }: AutoscalingInput): string {
  const why = busConfigured ? 'No decision has arrived yet' : 'No bus is configured (Helm value bus.secretName)';
  if (hadDecision(pool, deployment)) return `${why}; the size stays as it is.`;
  return busConfigured
    ? `${why}; a minute after the pool's creation at least spec.replicas pods run, within its bounds, until one does.`
    : `${why}: spec.replicas rules, within minReplicas and maxReplicas.`;
}

/** After a restart, what status says goes on until a decision that is understood. */
function toldUnknownVersion(pool: WorkerPool): string | undefined {
  const told = findCondition(pool.status?.conditions, PoolCondition.ScalingActive);
  return told?.reason === 'UnknownDecisionVersion' ? told.message : undefined;
}

/** What `status.autoscaling` says. Pure. */
export function autoscalingStatus(pool: WorkerPool, input: AutoscalingInput): WorkerPoolStatus['autoscaling'] {
  const { decision, scalings } = input;
  const before = pool.status?.autoscaling ?? {};
  const told = scalings.map(({ atMs, from, to, reason }) => ({
    time: isoTime(atMs),
    from,
    to,
    reason: reason.slice(0, 1024),
  }));
  const last = [...told, ...(before.last ?? [])].slice(0, MAX_LAST);
  const history = last.length > 0 ? { last } : {};
  if (!pool.spec.autoscaling?.enabled) {
    // The fence is kept: it must hold when autoscaling is switched on again.
    const kept = { ...(before.decision !== undefined && { decision: before.decision }), ...history };
    return Object.keys(kept).length > 0 ? kept : undefined;
  }
  if (!decision) return Object.keys({ ...before, ...history }).length > 0 ? { ...before, ...history } : undefined;
  return {
    desired: decision.desiredReplicas,
    reason: decision.reason,
    ...(decision.heldBy !== undefined && { heldBy: decision.heldBy }),
    decision: formatFence(decision),
    signals: decision.signals.map(statusSignal),
    ...history,
  };
}

/** The part of a signal that status shows, with no more digits than a person reads. */
function statusSignal(signal: ScalingDecision['signals'][number]): ScalingSignal {
  const { queue, depth, arrivalRate, serviceTimeMs, waitP95Ms, oldestAgeMs, errorRate, wants } = signal;
  const shown = {
    queue,
    depth,
    arrivalRate: round(arrivalRate, 2),
    serviceTimeMs: round(serviceTimeMs, 0),
    waitP95Ms: round(waitP95Ms, 0),
    oldestAgeMs: round(oldestAgeMs, 0),
    errorRate: round(errorRate, 3),
    wants,
  };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined)) as ScalingSignal;
}

function round(value: number | undefined, digits: number): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(digits));
}

function isoTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
