import { WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { isOwnedBy, ownerKey, readOwnerReference } from '@redis-queue/controller';
import { contestOf, takenBackAfter, type Contest } from './deployment/contest.ts';
import { atVersion, desiredDeployment, templateHash } from './deployment/deployment.ts';
import { planBudget } from './deployment/disruption-budget.ts';
import { holds } from './deployment/drift.ts';
import { fenceOf, isOurSize, liveReplicas, scaleManagerOwnsReplicas } from './deployment/replicas.ts';
import { effectiveVersion } from './deployment/rollout.ts';
import type { PoolStep } from './deployment/steps.ts';
import { planTakeOver } from './deployment/take-over.ts';
import { checkTemplate } from './deployment/template/check.ts';
import { APPLIED_ANNOTATION } from './kubernetes/names.ts';
import type { Deployment } from './kubernetes/objects.ts';
import type { Problem } from './kubernetes/reasons.ts';
import { initialReplicas, lastFence, wantedSize } from './size/size.ts';
import type { ObservedPool, PoolPlan } from './steps.ts';

/**
 * What has to change for the pool's Deployment and PodDisruptionBudget to be as they should. Pure: no clock, no I/O.
 *
 * A problem with the pool's inputs leaves both as they are, except for the size: pods that run go on running.
 * @returns the steps in the order to do them; a crash after any of them leads to the same end. None when nothing
 * differs.
 */
export function planPool(pool: WorkerPool, observed: ObservedPool): PoolPlan {
  const { deployment } = observed;
  if (pool.metadata.deletionTimestamp) return { steps: [] };
  if (deployment && !isOwnedBy(deployment, pool)) return { steps: [], problem: foreign(deployment) };
  const desired = build(pool, observed);
  const problem = 'reason' in desired ? desired : undefined;
  if (deployment?.metadata.deletionTimestamp) return { steps: [], ...(problem && { problem }) };

  const { step: size, contest } = deployment ? planSize(pool, deployment, observed) : {};
  if ('reason' in desired) {
    return { steps: size ? [size] : [], problem: desired, ...(contest && { contest }) };
  }
  const steps = deployment ? planChange(desired, deployment, size) : planCreation(pool, desired, observed);
  const budget = planBudget(pool, observed.budget);
  return {
    // The budget last: what the API server refuses of the pods is found before it changes anything.
    steps: [...steps, ...(budget && 'kind' in budget ? [budget] : [])],
    ...(budget && 'reason' in budget && { problem: budget }),
    ...(contest && { contest }),
  };
}

/** The Deployment that the pool asks for, at the version that should run; or why there is none. */
function build(pool: WorkerPool, observed: ObservedPool): Deployment | Problem {
  const { deployment, queues, config, podUser } = observed;
  const refused = checkTemplate(pool);
  if (refused) return refused;
  if ('reason' in queues) return queues;
  const hashes = new Map<string, string>();
  const hashOf = (version: string): string => {
    const hash = hashes.get(version) ?? templateHash(atVersion(pool, version), queues, config.hash, podUser);
    hashes.set(version, hash);
    return hash;
  };
  const { version, annotations } = effectiveVersion(pool, deployment, hashOf, observed);
  return desiredDeployment(atVersion(pool, version), queues, { annotations, configHash: config.hash, podUser });
}

/** The size first: after it, `redis-queue` need not carry it any more. */
function planChange(desired: Deployment, live: Deployment, size: PoolStep | undefined): PoolStep[] {
  const template = planTemplate(desired, live);
  const written = size?.kind === 'scale';
  return [...(size ? [size] : []), ...(template ? [written ? withoutReplicas(template) : template] : [])];
}

function planCreation(pool: WorkerPool, deployment: Deployment, observed: ObservedPool): PoolStep[] {
  const replicas = initialReplicas(pool, observed);
  return [
    { kind: 'create', deployment, replicas },
    { kind: 'scale', replicas, fence: lastFence(pool), reason: 'the Deployment was created' },
  ];
}

function planTemplate(desired: Deployment, live: Deployment): Extract<PoolStep, { kind: 'applyTemplate' }> | undefined {
  const applied =
    live.metadata.annotations?.[APPLIED_ANNOTATION] === desired.metadata.annotations?.[APPLIED_ANNOTATION];
  if (applied && holds(desired, live)) return undefined;
  const owned = scaleManagerOwnsReplicas(live);
  return {
    kind: 'applyTemplate',
    deployment: desired,
    drift: applied,
    ...(owned ? {} : { carryReplicas: liveReplicas(live) }),
  };
}

function withoutReplicas(step: Extract<PoolStep, { kind: 'applyTemplate' }>): PoolStep {
  return { kind: step.kind, deployment: step.deployment, drift: step.drift };
}

/** The step that brings the size to what is wanted, or who keeps us from it. */
function planSize(
  pool: WorkerPool,
  live: Deployment,
  observed: ObservedPool,
): { readonly step?: PoolStep; readonly contest?: Contest } {
  const takeOver = planTakeOver(pool, live);
  // What it changes decides about the size, which is planned again from there.
  if (takeOver) return { step: takeOver };
  const { replicas, reason } = wantedSize(pool, live, observed);
  if (replicas === liveReplicas(live) && isOurSize(live) && fenceOf(live)) return {};
  const contest = contestOf(replicas, live, pool, observed.nowMs);
  if (contest) return { contest };
  const takenBack = takenBackAfter(live, pool, observed.nowMs);
  const fence = fenceOf(live) ?? lastFence(pool);
  return { step: { kind: 'scale', replicas, fence, reason, ...(takenBack !== undefined && { takenBack }) } };
}

function foreign(deployment: Deployment): Problem {
  const { namespace, name } = deployment.metadata;
  const owner = readOwnerReference(deployment);
  if (ownerKey(deployment, WORKER_POOLS)?.name === name) {
    return {
      reason: 'FormerDeployment',
      message: `Deployment ${namespace}/${name} belongs to a deleted WorkerPool of this name; waiting until it is removed`,
    };
  }
  const whose = owner ? `${owner.kind} ${owner.name}` : 'nobody';
  return {
    reason: 'DeploymentExists',
    message: `Deployment ${namespace}/${name} exists and is owned by ${whose}; delete it or give the pool another name`,
  };
}
