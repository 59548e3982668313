import { helmValue, type Condition, type WorkerPool } from '@redis-queue/api';
import { findCondition, timestamp } from '@redis-queue/controller';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import type { Contest } from '../deployment/contest.ts';
import { TAKE_OVER_ANNOTATION } from '../kubernetes/names.ts';
import { PoolCondition, type Problem, type Reason } from '../kubernetes/reasons.ts';
import { hadDecision } from '../size/size.ts';
import type { AutoscalingInput } from './autoscaling-status.ts';

/** What a condition says, or that it is not there. */
export type Said = (Problem & { readonly status: Condition['status'] }) | undefined;

/** The conditions of scaling, under the names that HorizontalPodAutoscalers use. */
export interface ScalingConditions {
  readonly [PoolCondition.ScalingActive]: Said;
  readonly [PoolCondition.AbleToScale]: Said;
  readonly [PoolCondition.ScalingLimited]: Said;
  readonly [PoolCondition.ReplicasContested]: Said;
}

/** What stands behind the conditions once the autoscaler has decided. */
type Decided = Pick<ScalingDecision, 'heldBy' | 'safetyLimitHit'> & {
  readonly reason: string;
  readonly blind: boolean;
  /** That queues at rest are polled, and why. */
  readonly polled?: string;
};

/** Holds by what they mean for people. Those caused by trouble need somebody to act; the others pass by themselves. */
const MISSING_DATA: ReadonlySet<string> = new Set<Reason>(['SensorFailed', 'StaleData', 'QueueMissing']);
const TROUBLE: ReadonlySet<string> = new Set<Reason>([
  'JobsFailing',
  'PodsFailing',
  'QuotaExhausted',
  'Unschedulable',
  'RedisSaturated',
  'ConnectionsExhausted',
]);
const STEADYING: ReadonlySet<string> = new Set([
  'StabilizationWindow',
  'Panic',
  'NoHistory',
  'LowConfidence',
  'WaitOverTarget',
  'LongJobs',
]);
const STEP_LIMITS: ReadonlySet<string> = new Set(['StepLimit', 'Disabled']);

/** What the conditions of scaling say. Pure. */
export function scalingConditions(pool: WorkerPool, input: AutoscalingInput): ScalingConditions {
  const active = scalingActive(pool, input);
  const enabled = pool.spec.autoscaling?.enabled === true;
  const decided = enabled ? decidedOf(pool, input) : undefined;
  const contested: Said = input.contest && { ...active, status: 'True' };
  const unwritten = enabled ? unwrittenSize(input) : undefined;
  return {
    ScalingActive: active,
    AbleToScale: enabled && contested ? active : (unwritten ?? (decided && ableToScale(decided, pool, input))),
    ScalingLimited: decided && scalingLimited(decided, pool, input),
    ReplicasContested: contested,
  };
}

function scalingActive(pool: WorkerPool, input: AutoscalingInput): Problem & { status: Condition['status'] } {
  const { autoscaling } = pool.spec;
  if (input.contest) {
    return { status: 'False', reason: 'ReplicasContested', message: contestMessage(pool, input.contest) };
  }
  if (!autoscaling?.enabled) {
    return { status: 'False', reason: 'Disabled', message: 'Autoscaling is off: spec.replicas rules.' };
  }
  const noBus = busMessage(pool, input);
  if (noBus !== undefined) return { status: 'False', reason: 'BusUnavailable', message: noBus };
  const unknown = input.unknownVersion ?? (input.decision ? undefined : reported(pool, 'UnknownDecisionVersion'));
  if (unknown !== undefined) return { status: 'False', reason: 'UnknownDecisionVersion', message: unknown };
  const decided = decidedOf(pool, input);
  if (!decided) return { status: 'False', reason: 'WaitingForDecision', message: waitingMessage(pool, input) };
  const { heldBy, blind, reason } = decided;
  if (heldBy !== undefined && MISSING_DATA.has(heldBy)) {
    return { status: 'False', reason: heldBy as Reason, message: reason };
  }
  // It is held by something else, and still cannot be woken by a queue that nobody sees.
  if (blind) return { status: 'False', reason: 'SensorFailed', message: reason };
  const bounds = `between ${autoscaling.minReplicas} and ${autoscaling.maxReplicas}`;
  const message = `The autoscaler sizes the pool ${bounds}; status.autoscaling says why.`;
  if (decided.polled) return { status: 'True', reason: 'WakeUpsPolled', message: `${message} ${decided.polled}` };
  return { status: 'True', reason: 'Decided', message };
}

/** Who writes the size, what is done about it, and the way out. */
function contestMessage({ metadata }: WorkerPool, { manager, kind, untilMs, ours }: Contest): string {
  const until = untilMs === undefined ? '' : ` until ${timestamp(untilMs)}`;
  const writes = `The Deployment's replicas are written by ${manager}`;
  if (kind === 'wait') return `${writes}; left alone for as long as it declares them. Remove the other writer.`;
  if (kind === 'repair') return `${writes}; left alone${until}, then set back. Set the size on the WorkerPool.`;
  const wait = until && ` left alone${until};`;
  const rule = `${writes};${wait} the pool is only made larger, never smaller. Remove the other writer`;
  const takeOver = `annotate the WorkerPool with ${TAKE_OVER_ANNOTATION} and any new text to have the size be the pool's again`;
  if (ours === undefined) return `${rule}, and ${takeOver}.`;
  const giveBack = `kubectl scale deployment/${metadata.name} -n ${metadata.namespace} --replicas=${ours}`;
  return `${rule}, and ${takeOver}; or, when ${ours} pods are enough, give the size back: ${giveBack}`;
}

function unwrittenSize({ unapplied }: AutoscalingInput): Said {
  if (!unapplied) return undefined;
  const { reason, message } = unapplied;
  return { status: 'False', reason, message: `The decided size cannot be written: ${message}` };
}

function ableToScale({ heldBy, reason }: Decided, pool: WorkerPool, { decision }: AutoscalingInput): Said {
  if (heldBy === undefined || STEP_LIMITS.has(heldBy) || MISSING_DATA.has(heldBy)) {
    return {
      status: 'True',
      reason: 'ReadyForNewScale',
      message: 'Nothing keeps the autoscaler from changing the size.',
    };
  }
  if (TROUBLE.has(heldBy)) return { status: 'False', reason: heldBy as Reason, message: reason };
  if (!STEADYING.has(heldBy)) return { status: 'True', reason: 'Held', message: reason };
  const grows = wantsMore(decision, pool);
  return { status: 'True', reason: grows ? 'ScaleUpStabilized' : 'ScaleDownStabilized', message: reason };
}

function scalingLimited({ heldBy, safetyLimitHit, reason }: Decided, pool: WorkerPool, input: AutoscalingInput): Said {
  if (safetyLimitHit) return { status: 'True', reason: 'TooManyReplicas', message: reason };
  if (heldBy !== undefined && STEP_LIMITS.has(heldBy)) {
    const limit = wantsMore(input.decision, pool) ? 'ScaleUpLimit' : 'ScaleDownLimit';
    return { status: 'True', reason: limit, message: reason };
  }
  const message = 'No bound or step limit of the spec is in the way of the size that is asked for.';
  return { status: 'False', reason: 'DesiredWithinRange', message };
}

/** Whether the pool would be larger without the hold: its queues ask for more than it gets. */
function wantsMore(decision: ScalingDecision | undefined, pool: WorkerPool): boolean {
  const signals = decision?.signals ?? pool.status?.autoscaling?.signals ?? [];
  const wanted = signals.reduce((sum, { wants = 0 }) => sum + wants, 0);
  return wanted > (decision?.desiredReplicas ?? pool.status?.autoscaling?.desired ?? 0);
}

/** What a pool is told whose queues at rest are polled. */
const POLLED = 'Its Redis does not notify of new jobs, so the pool wakes from zero up to a second late';

/** Of the newest decision, or of what status says of it after a restart. */
function decidedOf(pool: WorkerPool, { decision }: AutoscalingInput): Decided | undefined {
  if (decision) {
    const { heldBy, reason, safetyLimitHit, signals, polled } = decision;
    return {
      reason,
      blind: signals.some(({ depth }) => depth === undefined),
      ...(polled !== undefined && { polled: `${POLLED}: ${polled}.` }),
      ...(heldBy !== undefined && { heldBy }),
      ...(safetyLimitHit !== undefined && { safetyLimitHit }),
    };
  }
  const before = pool.status?.autoscaling;
  if (before?.decision === undefined || before.desired === undefined) return undefined;
  const polled = reported(pool, 'WakeUpsPolled');
  const limited = findCondition(pool.status?.conditions, PoolCondition.ScalingLimited)?.reason;
  return {
    reason: before.reason ?? '',
    safetyLimitHit: limited === 'TooManyReplicas',
    blind: before.signals?.some(({ depth }) => depth === undefined) ?? false,
    ...(polled?.includes(POLLED) && { polled: polled.slice(polled.indexOf(POLLED)) }),
    ...(before.heldBy !== undefined && { heldBy: before.heldBy }),
  };
}

/** Why no decision can arrive. While it is not known, what status says of it stays. */
function busMessage(pool: WorkerPool, { bus, deployment, decision }: AutoscalingInput): string | undefined {
  if (!('problem' in bus)) return bus.state === 'unknown' ? reported(pool, 'BusUnavailable') : undefined;
  const without = bus.state === 'absent' ? 'spec.replicas rules, within minReplicas and maxReplicas' : WITHOUT_DECISION;
  const size =
    decision || hadDecision(pool, deployment) ? 'The size stays as it is.' : `Until a decision comes, ${without}.`;
  return `No decision can arrive: ${bus.problem}. ${size} ${BUS_WAY_OUT}`;
}

function waitingMessage(pool: WorkerPool, { deployment }: AutoscalingInput): string {
  if (hadDecision(pool, deployment)) return 'No decision has arrived yet; the size stays as it is.';
  return `No decision has arrived yet; until one does, ${WITHOUT_DECISION}.`;
}

const WITHOUT_DECISION =
  "at least spec.replicas pods run from a minute after the pool's creation, within minReplicas and maxReplicas";

const BUS_WAY_OUT = `Create or mend the Secret that is named by ${helmValue('workerpool-controller', 'bus.secretName', { shared: true })}.`;

/** What status says of ScalingActive under this reason; after a restart it stays until something else is known. */
function reported(pool: WorkerPool, reason: Reason): string | undefined {
  const condition = findCondition(pool.status?.conditions, PoolCondition.ScalingActive);
  return condition?.reason === reason ? condition.message : undefined;
}
