import type { WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { parseFence } from '@redis-queue/scaling-bus';

/** Pods that are asked for and cannot work, as the workerpool controller counts them. */
export type BlockedReplicas = NonNullable<WorkerPoolStatus['blockedReplicas']>;

/** What the pool's status says of its pods. */
export interface PoolPods {
  /** The Deployment's spec.replicas. */
  readonly replicas: number;
  /** Absent: the status does not say. */
  readonly ready?: number;
  readonly blocked?: BlockedReplicas;
  /** How long they take to start, ms; absent: not measured yet. */
  readonly startMs?: number;
}

/** What the pool's status says of its pods; undefined while it has no Deployment. */
export function podsOf(pool: WorkerPool | undefined): PoolPods | undefined {
  const {
    desiredReplicas: replicas,
    readyReplicas: ready,
    blockedReplicas: blocked,
    podStartSeconds,
  } = pool?.status ?? {};
  if (replicas === undefined) return undefined;
  return {
    replicas,
    ...(ready !== undefined && { ready }),
    ...(blocked && { blocked }),
    ...(podStartSeconds !== undefined && { startMs: podStartSeconds * 1_000 }),
  };
}

/** Of that what a new decision is made for: that pods become ready one by one, and how fast, is none. */
export function decidesBy(pool: WorkerPool | undefined): Omit<PoolPods, 'ready' | 'startMs'> | undefined {
  const pods = podsOf(pool);
  return pods && { replicas: pods.replicas, ...(pods.blocked && { blocked: pods.blocked }) };
}

/** The epoch of the newest decision that the pool's status names; 0 before the first. */
export function epochOf({ status }: WorkerPool): number {
  return parseFence(status?.autoscaling?.decision)?.epoch ?? 0;
}
