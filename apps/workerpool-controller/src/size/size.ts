import type { WorkerPool } from '@redis-queue/api';
import { compareFence, parseFence, type Fence } from '@redis-queue/scaling-bus';
import { foreignOwner } from '../deployment/contest.ts';
import { fenceOf, isOurSize, liveReplicas, NO_DECISION } from '../deployment/replicas.ts';
import { REPLICAS_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';

/** How long a new pool with autoscaling waits for its first decision before it runs `spec.replicas` pods by itself. */
export const FIRST_DECISION_MS = 60_000;

/** What the size depends on besides the pool and its Deployment. */
export interface SizeScene {
  /** False: no decisions can arrive. */
  readonly busConfigured: boolean;
  readonly nowMs: number;
}

/** The size that is wanted, and why, as events and `status.autoscaling.last` say it. */
export interface WantedSize {
  readonly replicas: number;
  readonly reason: string;
}

/** The size a new Deployment starts with; one that was deleted by hand comes back with the size it had. */
export function initialReplicas(pool: WorkerPool, scene: SizeScene): number {
  const { autoscaling, replicas } = pool.spec;
  if (!autoscaling?.enabled) return replicas;
  const floor = floorWithoutDecisions(pool, undefined, scene);
  if (floor !== undefined && !scene.busConfigured) return floor;
  return clampReplicas(pool, Math.max(pool.status?.desiredReplicas ?? autoscaling.minReplicas, floor ?? 0));
}

/**
 * The size of a Deployment that is there. With autoscaling, decisions change the size; here it is only kept within its
 * bounds, brought back after somebody else had written it (to the larger of both, since a shrink needs a decision), and
 * kept at `spec.replicas` where no decision has ever come: jobs run although the autoscaler is missing.
 */
export function wantedSize(pool: WorkerPool, live: Deployment, scene: SizeScene): WantedSize {
  const { autoscaling, replicas } = pool.spec;
  if (!autoscaling?.enabled) return { replicas, reason: foreignSize(live) ?? `spec.replicas is ${replicas}` };
  const ours = Number(live.metadata.annotations?.[REPLICAS_ANNOTATION] ?? 0);
  const current = clampReplicas(pool, Math.max(liveReplicas(live), Number.isInteger(ours) ? ours : 0));
  const floor = floorWithoutDecisions(pool, live, scene);
  // Without a bus nothing else can shrink the pool: spec.replicas applies, both ways.
  if (floor !== undefined && (!scene.busConfigured || floor > current)) {
    const why = scene.busConfigured
      ? `no decision has come within ${FIRST_DECISION_MS / 1000} s of the pool's creation`
      : 'no bus is configured';
    return { replicas: floor, reason: foreignSize(live) ?? `${why}: spec.replicas is ${replicas}` };
  }
  const { minReplicas, maxReplicas } = autoscaling;
  const bounds = `the size has to lie between minReplicas ${minReplicas} and maxReplicas ${maxReplicas}`;
  return { replicas: current, reason: foreignSize(live) ?? bounds };
}

/** After how many ms the pool's size has to be checked again although nothing changes; undefined: never. */
export function firstDecisionDueMs(
  pool: WorkerPool,
  live: Deployment | undefined,
  scene: SizeScene,
): number | undefined {
  if (!pool.spec.autoscaling?.enabled || !scene.busConfigured || hadDecision(pool, live)) return undefined;
  const dueInMs = createdMs(pool) + FIRST_DECISION_MS - scene.nowMs;
  return dueInMs > 0 ? dueInMs : undefined;
}

/** `replicas` within the pool's bounds. */
export function clampReplicas(pool: WorkerPool, replicas: number): number {
  const { minReplicas = 0, maxReplicas = Number.POSITIVE_INFINITY } = pool.spec.autoscaling ?? {};
  return Math.max(minReplicas, Math.min(maxReplicas, replicas));
}

/** Of the newest decision that status reports: survives the Deployment, so that no older decision gets through. */
export function lastFence(pool: WorkerPool): Fence {
  return parseFence(pool.status?.autoscaling?.decision) ?? NO_DECISION;
}

/**
 * Whether any decision on the pool was ever seen; from then on its size is the autoscaler's, even while that is away.
 */
export function hadDecision(pool: WorkerPool, live: Deployment | undefined): boolean {
  const fences = [lastFence(pool), (live && fenceOf(live)) ?? NO_DECISION];
  return fences.some((fence) => compareFence(fence, NO_DECISION) > 0);
}

function floorWithoutDecisions(pool: WorkerPool, live: Deployment | undefined, scene: SizeScene): number | undefined {
  if (hadDecision(pool, live)) return undefined;
  if (scene.busConfigured && scene.nowMs < createdMs(pool) + FIRST_DECISION_MS) return undefined;
  return clampReplicas(pool, pool.spec.replicas);
}

/** An object without a creation time is one that the API server has not stored yet: as new as can be. */
function createdMs(pool: WorkerPool): number {
  const { creationTimestamp } = pool.metadata;
  return creationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(creationTimestamp);
}

function foreignSize(live: Deployment): string | undefined {
  if (isOurSize(live) || !fenceOf(live)) return undefined;
  return `${foreignOwner(live)?.manager ?? 'somebody else'} had changed the size`;
}
