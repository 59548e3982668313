import type { WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { parseFence } from '@redis-queue/scaling-bus';

/** Pods that are asked for and cannot work, as the workerpool controller counts them. */
export type BlockedReplicas = NonNullable<WorkerPoolStatus['blockedReplicas']>;

/** What the pool's status says of its pods. */
export interface PoolPods {
  /** The Deployment's spec.replicas. */
  readonly replicas: number;
  readonly blocked?: BlockedReplicas;
}

/** What the pool's status says of its pods; undefined while it has no Deployment. */
export function podsOf(pool: WorkerPool | undefined): PoolPods | undefined {
  const { desiredReplicas: replicas, blockedReplicas: blocked } = pool?.status ?? {};
  return replicas === undefined ? undefined : { replicas, ...(blocked && { blocked }) };
}

/** The epoch of the newest decision that the pool's status names; 0 before the first. */
export function epochOf({ status }: WorkerPool): number {
  return parseFence(status?.autoscaling?.decision)?.epoch ?? 0;
}
