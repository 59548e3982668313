import type { Condition, WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { findCondition, removeCondition, setCondition } from '@redis-queue/controller';
import { describeUntracked } from './deployment/config.ts';
import { poolSelector } from './deployment/deployment.ts';
import { liveReplicas } from './deployment/replicas.ts';
import { versionOf } from './deployment/rollout.ts';
import { PoolCondition, REASONS, type Problem, type Reason } from './kubernetes/reasons.ts';
import type { BlockedPods } from './pods/blocked.ts';
import { autoscalingStatus, type AutoscalingInput } from './status/autoscaling-status.ts';
import { readinessOf, type Readiness } from './status/readiness.ts';
import { scalingConditions } from './status/scaling-conditions.ts';

/** `deployment`: as it is after the steps were done; undefined when there is none, or none of the pool's own. */
export interface StatusInput extends AutoscalingInput {
  readonly problem: Problem | undefined;
  readonly blocked: BlockedPods;
  /** Secrets of the template whose changes go unnoticed. */
  readonly untrackedSecrets?: readonly string[];
}

/** What the pool's status shall say. Pure. */
export function poolStatus(pool: WorkerPool, input: StatusInput, now: Date): WorkerPoolStatus {
  const { deployment, blocked } = input;
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
    ...(readiness.rollout && { rollout: readiness.rollout }),
    ...(blocked.counts && { blockedReplicas: blocked.counts }),
    ...(autoscaling && { autoscaling }),
  };
}

function conditions(pool: WorkerPool, input: StatusInput, readiness: Readiness, now: Date): Condition[] {
  const observedGeneration = pool.metadata.generation ?? 0;
  let list: Condition[] = pool.status?.conditions ?? [];
  const set = (type: string, status: Condition['status'], { reason, message }: Problem): void => {
    list = setCondition(list, { type, status, reason, message, observedGeneration }, now);
  };
  const found = input.problem ?? readiness.state;
  const { kind } = REASONS[found.reason];
  set(PoolCondition.Ready, kind === 'ready' ? 'True' : 'False', found);
  const setWhile = (state: Problem | false | undefined, type: string): void => {
    if (state) set(type, 'True', state);
    else list = removeCondition(list, type);
  };
  setWhile(kind === 'retries' && found, PoolCondition.Reconciling);
  setWhile(kind === 'stalled' && found, PoolCondition.Stalled);
  setWhile(input.blocked.problem, PoolCondition.PodsBlocked);
  const untracked = describeUntracked(input.untrackedSecrets ?? []);
  if (untracked) set(PoolCondition.ConfigTracked, 'False', untracked);
  else list = removeCondition(list, PoolCondition.ConfigTracked);
  for (const [type, said] of Object.entries(scalingConditions(pool, input))) {
    if (said) set(type, said.status, said);
    else list = removeCondition(list, type);
  }
  return list;
}

/** Whether Ready gives another reason than before: worth an event. */
export function isNews(pool: WorkerPool, reason: Reason): boolean {
  return findCondition(pool.status?.conditions, PoolCondition.Ready)?.reason !== reason;
}
