import { WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { isOwnedBy, ownerKey, readOwnerReference } from '@redis-queue/controller';
import { formatFence, parseFence, type Fence } from '@redis-queue/scaling-bus';
import { desiredDeployment } from './deployment.ts';
import { holds } from './drift.ts';
import type { PoolQueues } from './queues.ts';
import type { Problem } from './reasons.ts';
import {
  contestOf,
  fenceOf,
  isOurSize,
  liveReplicas,
  NO_DECISION,
  scaleManagerOwnsReplicas,
  type Contest,
} from './replicas.ts';
import { APPLIED_ANNOTATION, REPLICAS_ANNOTATION, type Deployment } from './resources.ts';

export interface ObservedPool {
  /** The Deployment of the pool's name, whoever it belongs to. */
  readonly deployment: Deployment | undefined;
  readonly queues: PoolQueues | Problem;
  readonly nowMs: number;
}

export type PoolStep =
  /** `redis-queue` creates the Deployment; only here, and until `redis-queue-scale` has the size, it carries one. */
  | { readonly kind: 'create'; readonly deployment: Deployment; readonly replicas: number }
  /** `redis-queue` applies all but the size. `carryReplicas`: the size, while nobody else of ours owns it. */
  | {
      readonly kind: 'applyTemplate';
      readonly deployment: Deployment;
      readonly carryReplicas?: number;
      readonly drift: boolean;
    }
  /** `redis-queue-scale` applies size and fence in one. */
  | { readonly kind: 'scale'; readonly replicas: number; readonly fence: Fence; readonly reason: string };

export interface PoolPlan {
  readonly steps: readonly PoolStep[];
  readonly problem?: Problem;
  readonly contest?: Contest;
}

/**
 * What has to change for the pool's Deployment to be as it shall. Pure: no clock, no I/O.
 *
 * A problem with the pool's inputs leaves the Deployment as it is, except for its size: pods that run go on running.
 * @returns the steps in the order to do them; a crash after any of them leads to the same end. None when nothing differs.
 */
export function planPool(pool: WorkerPool, observed: ObservedPool): PoolPlan {
  const { deployment, queues, nowMs } = observed;
  if (pool.metadata.deletionTimestamp) return { steps: [] };
  if (deployment && !isOwnedBy(deployment, pool)) return { steps: [], problem: foreign(deployment) };
  const problem = unsupported(pool) ?? ('reason' in queues ? queues : undefined);
  const desired = problem || 'reason' in queues ? undefined : desiredDeployment(pool, queues);
  if (!deployment) return desired ? { steps: planCreation(pool, desired) } : { steps: [], ...(problem && { problem }) };
  if (deployment.metadata.deletionTimestamp) return { steps: [], ...(problem && { problem }) };

  const contest = contestOf(deployment, pool, nowMs);
  const template = desired && planTemplate(desired, deployment);
  const size = contest ? undefined : planSize(pool, deployment);
  return {
    // The size first: after it, `redis-queue` need not carry it any more.
    steps: [...(size ? [size] : []), ...(template ? [size ? withoutReplicas(template) : template] : [])],
    ...(problem && { problem }),
    ...(contest && { contest }),
  };
}

/** The size a new Deployment starts with; one that was deleted by hand comes back with the size it had. */
export function initialReplicas(pool: WorkerPool): number {
  const { autoscaling, replicas } = pool.spec;
  if (!autoscaling?.enabled) return replicas;
  return clampReplicas(pool, pool.status?.desiredReplicas ?? autoscaling.minReplicas);
}

/** `replicas` within the pool's bounds. */
export function clampReplicas(pool: WorkerPool, replicas: number): number {
  const { minReplicas = 0, maxReplicas = Number.POSITIVE_INFINITY } = pool.spec.autoscaling ?? {};
  return Math.max(minReplicas, Math.min(maxReplicas, replicas));
}

function planCreation(pool: WorkerPool, deployment: Deployment): PoolStep[] {
  const replicas = initialReplicas(pool);
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

function planSize(pool: WorkerPool, live: Deployment): PoolStep | undefined {
  const replicas = wantedReplicas(pool, live);
  const current = liveReplicas(live);
  if (replicas === current && isOurSize(live) && fenceOf(live)) return undefined;
  return {
    kind: 'scale',
    replicas,
    fence: fenceOf(live) ?? lastFence(pool),
    reason: sizeReason(pool, live),
  };
}

/**
 * With autoscaling, decisions change the size; here it is only kept within its bounds, and brought back after somebody
 * else had written it: to the larger of both, since a shrink needs a decision.
 */
function wantedReplicas(pool: WorkerPool, live: Deployment): number {
  if (!pool.spec.autoscaling?.enabled) return pool.spec.replicas;
  const ours = Number(live.metadata.annotations?.[REPLICAS_ANNOTATION] ?? 0);
  return clampReplicas(pool, Math.max(liveReplicas(live), Number.isInteger(ours) ? ours : 0));
}

function sizeReason(pool: WorkerPool, live: Deployment): string {
  if (!isOurSize(live) && fenceOf(live)) return 'somebody else had changed the size';
  if (!pool.spec.autoscaling?.enabled) return `spec.replicas is ${pool.spec.replicas}`;
  const { minReplicas, maxReplicas } = pool.spec.autoscaling;
  return `the size has to lie between minReplicas ${minReplicas} and maxReplicas ${maxReplicas}`;
}

/** Of the newest decision that status speaks of: survives the Deployment, so that no older decision gets through. */
function lastFence(pool: WorkerPool): Fence {
  return parseFence(pool.status?.autoscaling?.decision) ?? NO_DECISION;
}

function unsupported(pool: WorkerPool): Problem | undefined {
  const field = pool.spec.template ? 'spec.template' : pool.spec.rollout ? 'spec.rollout' : undefined;
  return field
    ? {
        reason: 'NotSupported',
        message: `${field} is not supported by this release and would have no effect; remove it`,
      }
    : undefined;
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

/** A step as logs and events say it. */
export function describeStep(step: PoolStep): string {
  if (step.kind === 'create') return `created with ${step.replicas} replicas`;
  if (step.kind === 'scale') return `size ${step.replicas} at decision ${formatFence(step.fence)}: ${step.reason}`;
  return step.drift ? 'set back what others had changed' : 'applied a change';
}
