import { isDeepStrictEqual } from 'node:util';
import type { Condition, ScalingSignal, WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { findCondition, removeCondition, setCondition } from '@redis-queue/controller';
import { formatFence, type ScalingDecision } from '@redis-queue/scaling-bus';
import { poolSelector } from './deployment.ts';
import type { Scaling } from './ledger.ts';
import type { PoolPlan } from './plan.ts';
import { PoolCondition, REASONS, type Problem, type Reason } from './reasons.ts';
import { liveReplicas } from './replicas.ts';
import { VERSION_ANNOTATION, type Deployment } from './resources.ts';

export interface StatusInput {
  /** The Deployment after the steps were done; undefined when there is none, or none of the pool's own. */
  readonly deployment: Deployment | undefined;
  readonly problem: Problem | undefined;
  readonly contest: PoolPlan['contest'];
  readonly decision: ScalingDecision | undefined;
  readonly scalings: readonly Scaling[];
  readonly busConfigured: boolean;
}

const MAX_LAST = 10;

/** What the pool's status shall say. Pure. */
export function poolStatus(pool: WorkerPool, input: StatusInput, now: Date): WorkerPoolStatus {
  const { deployment } = input;
  const before = pool.status ?? {};
  const rollout = deployment && rolloutOf(deployment);
  const version = deployment?.metadata.annotations?.[VERSION_ANNOTATION];
  const currentVersion = rollout?.complete ? version : before.currentVersion;
  const lastGoodVersion = rollout?.complete && rollout.ready > 0 ? version : before.lastGoodVersion;
  const autoscaling = autoscalingStatus(pool, input);
  return {
    observedGeneration: pool.metadata.generation ?? 0,
    conditions: conditions(pool, input, now),
    replicas: deployment?.status?.replicas ?? 0,
    ...(deployment && { desiredReplicas: liveReplicas(deployment) }),
    readyReplicas: deployment?.status?.readyReplicas ?? 0,
    selector: poolSelector(pool.metadata.name),
    ...(currentVersion !== undefined && { currentVersion }),
    ...(lastGoodVersion !== undefined && { lastGoodVersion }),
    ...(autoscaling && { autoscaling }),
  };
}

/** How the Deployment's pods stand to what is asked for. */
function rolloutOf(deployment: Deployment): { complete: boolean; ready: number; desired: number; updated: number } {
  const { observedGeneration = 0, replicas = 0, readyReplicas = 0, updatedReplicas = 0 } = deployment.status ?? {};
  const desired = liveReplicas(deployment);
  const seen = observedGeneration >= (deployment.metadata.generation ?? 0);
  const complete = seen && replicas === desired && updatedReplicas === desired && readyReplicas >= desired;
  return { complete, ready: readyReplicas, desired, updated: seen ? updatedReplicas : 0 };
}

function conditions(pool: WorkerPool, input: StatusInput, now: Date): Condition[] {
  const observedGeneration = pool.metadata.generation ?? 0;
  let list: Condition[] = pool.status?.conditions ?? [];
  const set = (type: string, status: Condition['status'], { reason, message }: Problem): void => {
    list = setCondition(list, { type, status, reason, message, observedGeneration }, now);
  };
  const found = input.problem ?? deploymentState(input.deployment);
  const { kind } = REASONS[found.reason];
  set(PoolCondition.Ready, kind === 'ready' ? 'True' : 'False', found);
  const setWhile = (holds: boolean, type: string, state: Problem): void => {
    if (holds) set(type, 'True', state);
    else list = removeCondition(list, type);
  };
  setWhile(kind === 'retries', PoolCondition.Reconciling, found);
  setWhile(kind === 'stalled', PoolCondition.Stalled, found);
  const scaling = scalingState(pool, input);
  set(
    PoolCondition.ScalingActive,
    scaling.reason === 'Decided' || scaling.reason === 'Held' ? 'True' : 'False',
    scaling,
  );
  setWhile(scaling.reason === 'ReplicasContested', PoolCondition.ReplicasContested, scaling);
  return list;
}

function deploymentState(deployment: Deployment | undefined): Problem {
  if (!deployment) return { reason: 'Progressing', message: 'The Deployment is being created.' };
  const { complete, ready, desired, updated } = rolloutOf(deployment);
  const version = deployment.metadata.annotations?.[VERSION_ANNOTATION];
  if (complete) {
    const pods = desired === 0 ? 'No pods are asked for' : `${ready} of ${desired} pods are ready`;
    return { reason: 'Available', message: `${pods}; version ${version}.` };
  }
  const condition = (type: string, status: string) =>
    deployment.status?.conditions?.find((entry) => entry.type === type && entry.status === status);
  const rejected = condition('ReplicaFailure', 'True');
  if (rejected)
    return { reason: 'PodsRejected', message: `Pods cannot be created: ${rejected.message ?? rejected.reason}` };
  const progress = `${ready} of ${desired} pods are ready, ${updated} of version ${version}.`;
  const late = condition('Progressing', 'False');
  if (late) return { reason: 'ProgressDeadlineExceeded', message: `${progress} ${late.message ?? ''}`.trim() };
  return { reason: 'Progressing', message: progress };
}

function scalingState(pool: WorkerPool, input: StatusInput): Problem {
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
  const heldBy = decision ? decision.heldBy : pool.status?.autoscaling?.heldBy;
  if (heldBy) return { reason: 'Held', message: `The autoscaler keeps the size: ${heldBy}.` };
  if (decision ?? pool.status?.autoscaling?.decision) {
    const bounds = `between ${autoscaling.minReplicas} and ${autoscaling.maxReplicas}`;
    return { reason: 'Decided', message: `The autoscaler sizes the pool ${bounds}; status.autoscaling tells why.` };
  }
  const why = input.busConfigured ? 'No decision has arrived yet' : 'No bus is configured (Helm value bus.secretName)';
  return { reason: 'WaitingForDecision', message: `${why}; the size stays as it is.` };
}

function autoscalingStatus(pool: WorkerPool, input: StatusInput): WorkerPoolStatus['autoscaling'] {
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

/** How much the newer status has to say. */
export type StatusNews = 'none' | 'numbers' | 'news';

/** 'numbers': only what moves with every decision differs, and may wait. */
export function compareStatus(before: WorkerPoolStatus | undefined, after: WorkerPoolStatus): StatusNews {
  if (isDeepStrictEqual(sorted(before), sorted(after))) return 'none';
  return isDeepStrictEqual(quiet(sorted(before)), quiet(sorted(after))) ? 'numbers' : 'news';
}

/** Whether Ready gives another reason than before: worth an event. */
export function isNews(pool: WorkerPool, reason: Reason): boolean {
  return findCondition(pool.status?.conditions, PoolCondition.Ready)?.reason !== reason;
}

function sorted(status: WorkerPoolStatus | undefined): WorkerPoolStatus {
  const list = status?.conditions?.toSorted((a, b) => a.type.localeCompare(b.type));
  return { ...status, ...(list && { conditions: list }) };
}

function quiet(status: WorkerPoolStatus): WorkerPoolStatus {
  const { autoscaling, ...rest } = status;
  if (!autoscaling) return rest;
  const { reason: _reason, signals: _signals, decision: _decision, ...calm } = autoscaling;
  return { ...rest, autoscaling: calm };
}

function isoTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
