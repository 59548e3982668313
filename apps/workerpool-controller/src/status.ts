import type { Condition, WorkerPoolStatus } from '@redis-queue/api';
import { kindConditions, saidBefore, type Notice } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { describeUntracked } from './deployment/config.ts';
import { poolSelector } from './deployment/deployment.ts';
import { liveReplicas } from './deployment/replicas.ts';
import { versionOf } from './deployment/rollout.ts';
import { PoolCondition, REASONS, type Problem, type Reason } from './kubernetes/reasons.ts';
import type { BlockedPods } from './pods/blocked.ts';
import type { KilledPods } from './pods/killed.ts';
import type { LatePods } from './pods/late.ts';
import { autoscalingStatus, type AutoscalingInput } from './status/autoscaling-status.ts';
import { queuesNotConsumed } from './status/not-consumed.ts';
import { readinessOf, type Readiness } from './status/readiness.ts';
import { scalingConditions } from './status/scaling-conditions.ts';
import type { StuckFacts } from './stuck/stuck-pods.ts';
import { availability, shortcoming } from './status/service.ts';
import { stuckPodsReplaced } from './status/stuck-pods.ts';
import { stuckHandlers } from './status/stuck-handlers.ts';

/** `deployment`: as it is after the steps were done; undefined when there is none, or none of the pool's own. */
export interface StatusInput extends AutoscalingInput {
  readonly problem: Problem | undefined;
  readonly blocked: BlockedPods;
  readonly killed: KilledPods;
  readonly late: LatePods;
  /** How long its pods take to start; undefined: not known. */
  readonly podStartSeconds?: number | undefined;
  /** Secrets of the template whose changes go unnoticed. */
  readonly untrackedSecrets?: readonly string[];
  /** What became of pods that are stuck; undefined when nobody knows. */
  readonly stuck?: StuckFacts | undefined;
  /** Why the last shrink did not spare busy pods: null when it did, undefined when nobody knows. */
  readonly unspared?: Problem | null | undefined;
}

/** What the status reports once the steps are done, beside what the plan found. */
export type StatusFacts = Omit<StatusInput, 'problem' | 'contest'>;

/** What the pool's status should say. Pure. */
export function poolStatus(pool: PoolObject, input: StatusInput, now: Date): WorkerPoolStatus {
  const { deployment, blocked, podStartSeconds } = input;
  const before = pool.status ?? {};
  const readiness = readinessOf(pool, deployment, blocked, now);
  const readyReplicas = deployment?.status?.readyReplicas ?? 0;
  const version = deployment && versionOf(deployment);
  const currentVersion = readiness.complete ? version : before.currentVersion;
  const lastGoodVersion = readiness.complete && readyReplicas > 0 ? version : before.lastGoodVersion;
  const autoscaling = autoscalingStatus(pool, input);
  return {
    observedGeneration: pool.metadata.generation ?? 0,
    conditions: conditions(pool, input, readiness, now),
    replicas: deployment?.status?.replicas ?? 0,
    ...(deployment && { desiredReplicas: liveReplicas(deployment) }),
    readyReplicas,
    selector: poolSelector(pool.metadata.name),
    ...(currentVersion !== undefined && { currentVersion }),
    ...(lastGoodVersion !== undefined && { lastGoodVersion }),
    ...contractLevel(pool, input),
    ...(readiness.rollout && { rollout: readiness.rollout }),
    ...(podStartSeconds !== undefined && { podStartSeconds }),
    ...replacementOf(pool, input),
    ...(blocked.counts && { blockedReplicas: blocked.counts }),
    ...(autoscaling && { autoscaling }),
  };
}

/** What the pods of the version said last stays known while they say nothing, until another version runs. */
function contractLevel(
  { spec, status }: PoolObject,
  { decision }: StatusInput,
): Pick<WorkerPoolStatus, 'contractLevel'> | undefined {
  const before = status?.currentVersion === spec.version ? status.contractLevel : undefined;
  const level = decision?.contractLevel ?? before;
  return level === undefined ? undefined : { contractLevel: level };
}

function replacementOf(
  { status }: PoolObject,
  { stuck }: StatusInput,
): Pick<WorkerPoolStatus, 'replacement'> | undefined {
  const replacement = stuck ? stuck.replacement : status?.replacement;
  return replacement && { replacement };
}

function conditions(pool: PoolObject, input: StatusInput, { state }: Readiness, now: Date): Condition[] {
  const untracked = describeUntracked(input.untrackedSecrets ?? []);
  const scaling = scalingConditions(pool, input);
  const ready = input.problem ?? state;
  const notices = {
    [PoolCondition.Available]: availability(input.deployment, ready),
    [PoolCondition.Degraded]: shortcoming(pool, input, scaling.ScalingActive, now.getTime()),
    [PoolCondition.PodsBlocked]: input.blocked.problem,
    [PoolCondition.PodsKilled]: input.killed.problem,
    [PoolCondition.HandlersStuck]: stuckHandlers(pool, input.decision),
    [PoolCondition.QueueNotConsumed]: queuesNotConsumed(pool, input.decision),
    [PoolCondition.StuckPodsReplaced]: stuckPodsReplaced(pool, input.stuck),
    [PoolCondition.ConfigTracked]: untracked && ({ ...untracked, status: 'False' } as const),
    [PoolCondition.BusyPodsSpared]: busyPodsSpared(pool, input),
    ...scaling,
  };
  return kindConditions(pool, REASONS, ready, notices, now);
}

/** After a restart, what the status says stays until the next shrink. */
function busyPodsSpared({ status }: PoolObject, { unspared }: StatusInput): Notice<Reason> {
  if (unspared === null) return undefined;
  if (unspared === undefined) {
    const before = saidBefore<Reason>(status?.conditions, PoolCondition.BusyPodsSpared);
    return before && { status: 'False', ...before };
  }
  const { reason, message } = unspared;
  return { status: 'False', reason, message: `The pool shrinks without sparing busy pods: ${message}` };
}
