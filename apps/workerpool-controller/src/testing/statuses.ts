import type { WorkerPool } from '@redis-queue/api';
import { desiredDeployment } from '../deployment/deployment.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { BlockedPods } from '../pods/blocked.ts';
import { poolStatus, type StatusInput } from '../status.ts';
import { liveDeployment, someQueues } from './objects.ts';

// Statuses for unit tests.

export const NOW = new Date('2026-01-01T00:00:00Z');
export const EARLIER = '2025-12-31T00:00:00Z';

/** The pool's Deployment as the API server shows it. */
export function deployment(pool: WorkerPool, replicas: number, status: Deployment['status'] = {}): Deployment {
  return {
    ...liveDeployment(desiredDeployment(pool, someQueues), replicas),
    status: { observedGeneration: 1, ...status },
  };
}
export const allReady = (replicas: number) => ({ replicas, readyReplicas: replicas, updatedReplicas: replicas });

export const nothingBlocked: BlockedPods = { counts: undefined, problem: undefined };
export const looping: BlockedPods = {
  counts: { crashLooping: 1 },
  problem: { reason: 'CrashLooping', message: '1 pod in a crash loop: exit code 3, 2 restarts.' },
};
export const nodeless: BlockedPods = {
  counts: { unschedulable: 1 },
  problem: { reason: 'Unschedulable', message: '1 pod without a node: 0/3 nodes are available.' },
};

/** The status of a pool of which only `change` is known. */
export function statusOf(pool: WorkerPool, change: Partial<StatusInput> = {}, now = NOW) {
  const input: StatusInput = {
    deployment: undefined,
    problem: undefined,
    contest: undefined,
    decision: undefined,
    unknownVersion: undefined,
    blocked: nothingBlocked,
    killed: { problem: undefined },
    late: { count: 0 },
    scalings: [],
    bus: { state: 'works' },
    ...change,
  };
  return poolStatus(pool, input, now);
}
/** Conditions as `type: status reason`. */
export const brief = (status: ReturnType<typeof poolStatus>) =>
  Object.fromEntries((status.conditions ?? []).map(({ type, status: value, reason }) => [type, `${value} ${reason}`]));
